internal import Processes

extension ContainerRuntimes {
    /// As `list()`, with the running containers of which only their cgroup tells, because their runtime's state can't
    /// be read, and with the bundles that are found.
    public func listWithUnlisted() -> ContainerListing {
        var listing = list()
        do {
            listing.containers += try unlisted(listing.containers, try CgroupLayout.current())
        } catch {
            listing.failures.append(error)
        }
        listing.containers = listing.containers.map { container in
            guard container.initPid != nil, container.bundlePath == nil, container.uid == nil else { return container }
            var container = container
            container.bundlePath = runtimes.lazy.compactMap { $0.bundlePath(ofContainer: container.id) }.first
            return container
        }
        listing.containers.sort { ($0.runtime.rawValue, $0.name, $0.id) < ($1.runtime.rawValue, $1.name, $1.id) }
        return listing
    }

    private func unlisted(_ listed: [Container], _ layout: CgroupLayout) throws -> [Container] {
        guard let tree = CgroupTree(anyOf: layout) else { return [] }
        var directory = ContainerDirectory()
        try directory.add(existing: listed, self, layout)
        let known = Set(listed.compactMap(\.cgroupPath))
        return directory.all.compactMap { container in
            guard let path = container.cgroupPath, !known.contains(path), let pid = tree.firstProcess(in: path),
                ProcessRecord.mountNamespace(of: pid).map(container.isSeen) ?? true
            else { return nil }
            var container = container
            container.initPid = container.initPid ?? pid
            return Self.completed(container)
        }
    }
}
