public import ELFImage

/// A function in a Go program's own function table.
public struct GoFunction: Sendable, Hashable {
    /// With the whole import path, as `crypto/tls.hostnameInSNI`.
    public let name: String
    /// As linked; nil where the program has the name only: every call of the function was inlined.
    public let address: Address?
    /// Of the first instruction behind the check of the stack, where a probe sees each call once: from its first
    /// instruction a function begins anew where the stack was too small or the scheduler wanted the processor. Arguments
    /// are what they were. The function's address where it does not begin with such a check.
    public let bodyAddress: Address?
    /// Bytes; 0 where there is no address.
    public let size: UInt64
}
