/// A function's name to look up, with the hashes that hash tables use, so that they are computed once for all files.
public struct SymbolName: Sendable, Hashable, CustomStringConvertible {
    public let text: String
    /// Followed by its NUL, as string tables hold it.
    let terminated: [UInt8]
    /// For `DT_GNU_HASH` (Bernstein's, as glibc's dl-new-hash.h computes it).
    let gnuHash: UInt32
    /// For `DT_HASH` (gABI, "Hash Table").
    let systemVHash: UInt32

    public init(_ text: String) {
        self.text = text
        terminated = Array(text.utf8) + [0]
        var gnu: UInt32 = 5381
        var systemV: UInt32 = 0
        for byte in text.utf8 {
            gnu = gnu &* 33 &+ UInt32(byte)
            systemV = systemV << 4 &+ UInt32(byte)
            systemV ^= systemV >> 24 & 0xf0
            systemV &= 0x0fff_ffff
        }
        gnuHash = gnu
        systemVHash = systemV
    }

    public var description: String { text }
}
