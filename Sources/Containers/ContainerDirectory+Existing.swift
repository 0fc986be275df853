public import Processes

extension ContainerDirectory {
    /// Takes in what is there already: the containers that the runtimes list, and those of which only their cgroup
    /// tells, because the runtime's state can't be read.
    /// - Throws: `SystemError` where the cgroups can't be read.
    public mutating func add(
        existing containers: [Container], _ runtimes: ContainerRuntimes, _ layout: CgroupLayout
    ) throws {
        for container in containers where container.cgroupPath != nil || container.mountNamespace != nil {
            add(container)
        }
        for node in try CgroupTree(anyOf: layout)?.nodes() ?? [] {
            if !covers(cgroup: node.path), let found = runtimes.container(atCgroup: node.path) { add(found.container) }
            // The kernel names cgroups of the v2 hierarchy alone.
            if layout.unified != nil { add(cgroupID: node.id, path: node.path) }
        }
    }
}
