/// A runtime's state that makes no sense.
public struct StateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file or socket.
    public let subject: String
    /// As a clause: "it is not JSON".
    public let reason: String

    public init(_ subject: String, _ reason: String) {
        self.subject = subject
        self.reason = reason
    }

    public var description: String { "cannot understand \(subject): \(reason)" }
}
