/// A request to Docker's API that failed.
public struct DockerError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// Nobody listens there: Docker is not installed or not running.
        case absent
        /// The socket belongs to root and the group docker.
        case notPermitted
        /// The daemon refused, went away or took too long.
        case failed
        /// What came back is not Docker's API.
        case nonsense
    }

    public let kind: Kind
    /// As a verb phrase: "list the containers of".
    public let operation: String
    public let socket: String
    /// As a clause. It may quote the daemon: escape it before printing.
    public let reason: String

    public var description: String { "cannot \(operation) the Docker daemon at \(socket): \(reason)" }
}
