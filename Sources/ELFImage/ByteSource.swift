/// Where an image's bytes come from: a file, or bytes in a test. Reads are positioned and bounded; a file may shrink
/// between two of them, so every read may come back short.
public protocol ByteSource: Sendable {
    /// Bytes, as of opening.
    var size: UInt64 { get }

    /// At most `count` bytes from `offset`; fewer, or none, at the end.
    func read(at offset: UInt64, count: Int) throws -> [UInt8]
}

/// Bytes in memory.
public struct MemorySource: ByteSource {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public var size: UInt64 { UInt64(bytes.count) }

    public func read(at offset: UInt64, count: Int) -> [UInt8] {
        guard offset < size, count > 0 else { return [] }
        let start = Int(offset)
        return Array(bytes[start..<(start + min(count, bytes.count - start))])
    }
}
