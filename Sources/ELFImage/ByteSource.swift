/// Where an image's bytes come from: a file, or bytes in a test. Reads are positioned and bounded; a file may shrink
/// between two of them, so every read may come back short.
public protocol ByteSource: Sendable {
    /// Bytes, as of opening.
    var size: UInt64 { get }

    /// At most `count` bytes from `offset`; fewer, or none, at the end.
    func read(at offset: UInt64, count: Int) throws -> [UInt8]
}

extension ByteSource {
    /// As `read`, for those that trust it: a source that gives more than it is asked for is held to the rule.
    func readAtMost(_ count: Int, at offset: UInt64) throws -> [UInt8] {
        let bytes = try read(at: offset, count: count)
        return bytes.count <= count ? bytes : Array(bytes.prefix(max(count, 0)))
    }
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
