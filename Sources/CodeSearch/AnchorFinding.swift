public import ELFImage

/// What came of a rule in a file.
public enum AnchorFinding: Sendable, Hashable {
    /// No code refers to any of its texts: nothing says that the library is there.
    case absent
    /// As many functions as the rule says.
    case found([AnchoredFunction])
    /// The texts are there, and the function is not, or not for sure; a clause that fits after "NAME was not found: ".
    case refused(String)
}

/// A function that a rule found.
public struct AnchoredFunction: Sendable, Hashable {
    public let address: Address
    /// Bytes; 0 where its end is not known.
    public let size: UInt64
    /// What says so, each a clause.
    public let evidence: [String]

    public init(address: Address, size: UInt64, evidence: [String]) {
        self.address = address
        self.size = size
        self.evidence = evidence
    }
}
