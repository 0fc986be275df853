internal import CLZMA

/// The checksum of ISO 3309, as zlib, xz and `.gnu_debuglink` have it.
public struct CRC32: Sendable {
    public private(set) var value: UInt32 = 0

    public init() {}

    public mutating func add(_ bytes: [UInt8]) {
        value = lzma_crc32(bytes, bytes.count, value)
    }
}

/// The checksum of ECMA-182, some GB/s. It tells damage and change apart, not forgeries.
public struct CRC64: Sendable {
    public private(set) var value: UInt64 = 0

    public init() {}

    public mutating func add(_ bytes: [UInt8]) {
        value = lzma_crc64(bytes, bytes.count, value)
    }
}
