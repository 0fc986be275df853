/// Where one runtime keeps its containers. No daemon is asked: what is on disk answers at once and always. Calls may
/// wait for the disk: they are not for the event loop.
public protocol ContainerRuntime: Sendable {
    var name: RuntimeName { get }

    /// The container that a clue leads to, with all that the runtime's state tells of it.
    /// - Returns: nil where it is not this runtime's.
    /// - Throws: when the runtime's state is there and can't be read or understood.
    func container(_ clue: ContainerClue) throws -> Container?

    /// All it knows, running or not. Of several that can't be read each is in `failures`; the others are given.
    func containers() -> ContainerListing

    /// As `containers()`; those that a layer above has listed, by `Container.ownID`, may be left out, to save the look at
    /// their state.
    func containers(except listed: Set<String>) -> ContainerListing

    /// The bundle of a container of which the cgroup tells just the id; nil where this runtime has none. No search
    /// over all containers: a look at the places where it would be.
    func bundlePath(ofContainer id: String) -> String?
}

extension ContainerRuntime {
    public func containers(except listed: Set<String>) -> ContainerListing { containers() }
}

/// What a runtime, or all of them, know.
public struct ContainerListing: Sendable {
    public var containers: [Container]
    public var failures: [any Error]

    public init(containers: [Container] = [], failures: [any Error] = []) {
        self.containers = containers
        self.failures = failures
    }

    static func + (one: ContainerListing, other: ContainerListing) -> ContainerListing {
        ContainerListing(
            containers: one.containers + other.containers, failures: one.failures + other.failures)
    }
}
