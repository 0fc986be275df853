internal import ELFImage

/// What says that a TLS library is in a file, and where its functions begin; not yet where probes can stand. It is kept
/// between runs, so that large files are searched once.
struct LibraryFinding: Codable, Sendable {
    struct Function: Codable, Sendable {
        /// In the description's list.
        let index: Int
        /// As the file calls it.
        let name: String
        let address: Address
        /// Bytes; 0 where it is not known.
        let size: UInt64
        let isIndirect: Bool
        let evidence: [String]
        /// Where the probe goes, and why there; nil where it belongs at the beginning.
        var place: Place?
        /// Whether it takes its arguments on the stack, as Go's functions did once.
        var takesStackArguments: Bool?
    }

    struct Place: Codable, Sendable {
        let address: Address
        /// "after the check of the stack".
        let reason: String
    }

    /// The description's.
    let kind: String
    let located: Located
    var functions: [Function] = []
    /// Why a function was not found: full sentences.
    var reasons: [String] = []
    /// Nil where the description says how it is found.
    var version: String?
}
