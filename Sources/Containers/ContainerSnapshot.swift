internal import Processes

/// The containers that run at one moment, and which process is in which.
public struct ContainerSnapshot: Sendable {
    private var directory = ContainerDirectory()
    private let runtimes: ContainerRuntimes
    /// Why some of the runtimes' state could not be read.
    public let failures: [any Error]

    public init(_ runtimes: ContainerRuntimes = .discover()) {
        self.runtimes = runtimes
        let listing = runtimes.list()
        failures = listing.failures
        for container in listing.containers where container.initPid != nil { directory.add(container) }
    }

    /// The running containers, by name.
    public var containers: [Container] { directory.all }

    /// - Returns: nil for a process of the host, and for one that has ended.
    public mutating func container(ofProcess pid: Int32) -> Container? {
        guard let membership = try? CgroupMembership(pid: pid) else { return nil }
        let namespace = ProcessRecord.mountNamespace(of: pid)
        if case .container(let container) = directory.owner(ofPaths: membership.paths) {
            return namespace.map(container.isSeen) ?? true ? container : nil
        }
        // One that no runtime lists, because its state can't be read.
        if let named = membership.paths.lazy.compactMap(CgroupPath.containerID).first,
            let found = runtimes.container(atCgroup: named.path)
        {
            directory.add(found.container)
            return namespace.map(found.container.isSeen) ?? true ? found.container : nil
        }
        return namespace.flatMap { directory.container(forMountNamespace: $0) }
    }
}
