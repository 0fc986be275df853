internal import OS
internal import Processes

/// Podman's containers: root's from their stores, other users' from the conmons that watch them.
public struct PodmanRuntime: ContainerRuntime {
    private let stores: [ContainerStore]
    /// What root's conmons were told, by container.
    private let commands: [String: ConmonCommand]
    private let listsUsers: Bool

    public var name: RuntimeName { .podman }

    /// The usual store of root's, and those of the conmons that run.
    public init(_ processes: [RuntimeProcess], listsUsers: Bool = true) {
        self.init(processes, roots: ["/var/lib/containers/storage"], listsUsers: listsUsers)
    }

    /// - Parameter roots: Folders of storage.
    init(_ processes: [RuntimeProcess], roots: [String], listsUsers: Bool) {
        // A user's own says where root is to read.
        let commands = processes.filter { $0.comm == Monitor.comm && $0.uid == 0 }.compactMap(ConmonCommand.init)
            .filter { !$0.isExec && $0.runtime == .podman }
        self.commands = Dictionary(commands.map { ($0.id, $0) }) { $1 }
        var stores = roots.flatMap(ContainerStore.all)
        for folder in commands.compactMap(\.storeFolder) where !stores.contains(ContainerStore(folder: folder)) {
            stores.append(ContainerStore(folder: folder))
        }
        self.stores = stores
        self.listsUsers = listsUsers
    }

    public func bundlePath(ofContainer id: String) -> String? {
        guard CgroupPath.isContainerID(id) else { return nil }
        return stores.lazy.map { $0.userData(ofContainer: id) }.first { Files.exists($0 + "/config.json") }
    }

    public func container(_ clue: ContainerClue) throws -> Container? {
        guard CgroupPath.isContainerID(clue.id) else { return nil }
        // CRI-O's are in the same stores.
        if let manager = clue.bundle?.annotations["io.container.manager"], manager != "libpod" { return nil }
        if let hint = clue.hint, ![.podman, .runc, .crun].contains(hint) { return nil }
        var failure: (any Error)?
        for store in stores(near: clue.bundle) {
            do {
                if let record = try store.records().first(where: { $0.id == clue.id }), !record.isKubernetes {
                    return container(record, in: store)
                }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return nil
    }

    /// The store that a bundle is in, which need not be known, goes first.
    private func stores(near bundle: OCIBundle?) -> [ContainerStore] {
        let folders = bundle?.path.split(separator: "/").dropLast(2) ?? []
        guard let folder = folders.last, folder.hasSuffix("-containers") else { return stores }
        let near = ContainerStore(folder: "/" + folders.joined(separator: "/"))
        return [near] + stores.filter { $0 != near }
    }

    public func containers() -> ContainerListing {
        var listing = ContainerListing()
        for store in stores {
            do {
                listing.containers += try store.records().filter { !$0.isKubernetes }.map { container($0, in: store) }
            } catch {
                listing.failures.append(error)
            }
        }
        guard listsUsers else { return listing }
        let found = MonitorReader.containers { $0 != 0 }
        listing.containers += found.containers.filter { $0.runtime == .podman }
        if found.unread > 0 {
            listing.failures.append(
                StateError("\(found.unread) of the users' containers", "their conmon can't be read in time"))
        }
        return listing
    }

    private func container(_ record: ContainerStore.Record, in store: ContainerStore) -> Container {
        let command = commands[record.id]
        let bundle = store.userData(ofContainer: record.id)
        return Container(
            runtime: .podman, id: record.id, name: Container.name(record.name ?? command?.name, id: record.id),
            imageName: record.imageName, initPid: command.flatMap(Self.initPid),
            bundlePath: Files.exists(bundle + "/config.json") ? bundle : nil)
    }

    /// conmon runs as long as its container: its pid file is not left over.
    private static func initPid(_ command: ConmonCommand) -> Int32? {
        // Not written yet.
        guard let path = command.pidFile, let text = try? Files.readRegular(path, limit: 64) else { return nil }
        return Int32(String(decoding: text, as: UTF8.self).filter(\.isNumber))
    }
}
