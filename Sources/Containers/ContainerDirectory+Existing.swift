public import Processes

extension ContainerDirectory {
    /// Takes in what is there already: the containers that the runtimes list, and those of which only their cgroup
    /// tells, because the runtime's state can't be read.
    /// - Returns: The users who have more cgroups that are called like a container's than are taken in.
    /// - Throws: `SystemError` where the cgroups can't be read.
    @discardableResult
    public mutating func add(
        existing containers: [Container], _ runtimes: ContainerRuntimes, _ layout: CgroupLayout
    ) throws -> Set<UInt32> {
        var refused: Set<UInt32> = []
        for container in containers where container.cgroupPath != nil || container.mountNamespace != nil {
            add(container)
        }
        for node in try CgroupTree(anyOf: layout)?.nodes() ?? [] {
            if !covers(cgroup: node.path), let found = runtimes.container(atCgroup: node.path),
                let user = add(found: found.container)
            {
                refused.insert(user)
            }
            // The kernel names cgroups of the v2 hierarchy alone.
            if layout.unified != nil { add(cgroupID: node.id, path: node.path) }
        }
        return refused
    }

    /// Takes in a container of which only its cgroup tells.
    /// - Returns: Its user, who has too many of them; nil where it was taken in.
    mutating func add(found container: Container) -> UInt32? {
        if let uid = container.uid, let path = container.cgroupPath {
            let payer = CgroupOwnership.payer(ofPath: path) ?? uid
            guard expect(cgroup: path, cgroupID: nil, maker: payer) else { return payer }
        }
        add(container)
        return nil
    }
}
