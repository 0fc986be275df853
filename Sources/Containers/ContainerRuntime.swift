/// Where one runtime keeps its containers. No daemon is asked: what is on disk answers at once and always.
public protocol ContainerRuntime: Sendable {
    var name: RuntimeName { get }

    /// The container with this id.
    /// - Returns: nil where this runtime has none.
    /// - Throws: when the runtime's state is there and can't be read or understood.
    func container(id: String) throws -> Container?

    /// All it knows, running or not. Of several that can't be read each is in `failures`; the others are given.
    func containers() -> (containers: [Container], failures: [any Error])
}
