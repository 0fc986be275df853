internal import Processes

extension ContainerRuntimes {
    /// As `list()`, with the running containers of which only their cgroup tells, because their runtime's state can't
    /// be read, and with the bundles that are found.
    public func listWithUnlisted() -> ContainerListing {
        var listing = list()
        do {
            if let tree = CgroupTree.any(of: try CgroupLayout.current()) {
                listing.containers += try unlisted(listing.containers, tree)
            }
        } catch {
            listing.failures.append(error)
        }
        listing.containers = listing.containers.map { container in
            guard container.initPid != nil, container.bundlePath == nil else { return container }
            var container = container
            container.bundlePath = runtimes.lazy.compactMap { $0.bundlePath(ofContainer: container.id) }.first
            return container
        }
        listing.containers.sort { ($0.runtime.rawValue, $0.name, $0.id) < ($1.runtime.rawValue, $1.name, $1.id) }
        return listing
    }

    private func unlisted(_ listed: [Container], _ tree: CgroupTree) throws -> [Container] {
        var directory = ContainerDirectory()
        try directory.add(existing: listed, self, tree)
        let known = Set(listed.compactMap(\.cgroupPath))
        return directory.all.compactMap { container in
            guard let path = container.cgroupPath, !known.contains(path), let pid = tree.firstProcess(in: path) else {
                return nil
            }
            var container = container
            container.initPid = container.initPid ?? pid
            return Self.completed(container)
        }
    }
}

extension CgroupTree {
    /// A hierarchy that shows every container: they are in all of them.
    fileprivate static func any(of layout: CgroupLayout) -> CgroupTree? {
        CgroupTree(layout: layout)
            ?? layout.legacy.min { $0.key < $1.key }.map { CgroupTree(mountPoint: $0.value) }
    }
}
