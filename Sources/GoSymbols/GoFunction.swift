/// A function in a Go program's own function table.
public struct GoFunction: Sendable, Hashable {
    /// With the whole import path, as `crypto/tls.hostnameInSNI`.
    public let name: String
    /// As linked; nil where the program has the name only: every call of the function was inlined.
    public let address: UInt64?
    /// Bytes; 0 where there is no address.
    public let size: UInt64
}
