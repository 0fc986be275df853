internal import OS

/// Docker's containers, from the data roots of all its daemons.
public struct DockerRuntime: ContainerRuntime {
    public let stores: [DockerStore]

    public var name: RuntimeName { .docker }

    public init(stores: [DockerStore]) {
        self.stores = stores
    }

    /// The stores of these daemons and of the usual place, each once.
    public init(daemons: [DockerDaemon]) {
        var stores: [DockerStore] = []
        for daemon in daemons + [.assumed] {
            let store = DockerStore(dataRoot: daemon.dataRoot)
            if !stores.contains(store) { stores.append(store) }
        }
        self.init(stores: stores)
    }

    public func container(id: String) throws -> Container? {
        var failure: (any Error)?
        for store in stores {
            do {
                if let container = try store.container(id: id) { return container }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return nil
    }

    public func containers() -> (containers: [Container], failures: [any Error]) {
        var containers: [Container] = []
        var failures: [any Error] = []
        for store in stores {
            do {
                for id in try store.ids() {
                    do {
                        if let container = try store.container(id: id) { containers.append(container) }
                    } catch {
                        failures.append(error)
                    }
                }
            } catch let error as SystemError where error.isNotFound {
                continue
            } catch {
                failures.append(error)
            }
        }
        return (containers, failures)
    }
}
