/// Something that tracing needs and this host does not have, or these privileges do not allow.
public struct HostLimitation: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// This kernel can't.
        case kernel
        case privileges
    }

    public let kind: Kind
    /// What is missing, what needs it, and what to do.
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
