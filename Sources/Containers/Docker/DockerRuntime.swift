internal import OS

/// Docker's containers, from the data roots of all its daemons.
public struct DockerRuntime: ContainerRuntime {
    public let stores: [DockerStore]
    private let daemons: [DockerDaemon]

    public var name: RuntimeName { .docker }

    /// The stores of these daemons and of the usual place, each once.
    public init(daemons: [DockerDaemon]) {
        self.daemons = daemons + [.assumed]
        var stores: [DockerStore] = []
        for daemon in self.daemons {
            let store = DockerStore(dataRoot: daemon.dataRoot)
            if !stores.contains(store) { stores.append(store) }
        }
        self.stores = stores
    }

    public func bundlePath(ofContainer id: String) -> String? {
        daemons.lazy.compactMap { $0.bundlePath(ofContainer: id) }.first
    }

    public func container(_ clue: ContainerClue) throws -> Container? {
        var failure: (any Error)?
        for store in stores {
            do {
                if let container = try store.container(id: clue.id) { return container }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return nil
    }

    public func containers() -> ContainerListing {
        var listing = ContainerListing()
        for store in stores {
            do {
                for result in try store.ids().concurrentMap({ id in Result { try store.container(id: id) } }) {
                    switch result {
                    case .success(let container): listing.containers += [container].compactMap(\.self)
                    case .failure(let error): listing.failures.append(error)
                    }
                }
            } catch let error as SystemError where error.isNotFound {
                continue
            } catch {
                listing.failures.append(error)
            }
        }
        return listing
    }
}
