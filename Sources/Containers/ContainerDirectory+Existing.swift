public import Processes

extension ContainerDirectory {
    /// Takes in what is there already: the containers that the runtimes list, and those of which only their cgroup
    /// tells, because the runtime's state can't be read.
    /// - Parameter tree: nil where there is no hierarchy to be walked.
    /// - Throws: `SystemError` where the tree can't be read.
    public mutating func add(
        existing containers: [Container], _ runtimes: ContainerRuntimes, _ tree: CgroupTree?
    ) throws {
        for container in containers where container.cgroupPath != nil || container.mountNamespace != nil {
            add(container)
        }
        for node in try tree?.nodes() ?? [] {
            if !covers(cgroup: node.path), let found = runtimes.container(atCgroup: node.path) { add(found.container) }
            add(cgroupID: node.id, path: node.path)
        }
    }
}
