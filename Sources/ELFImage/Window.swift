/// How numbers are written in one ELF file.
package struct Encoding: Sendable, Hashable {
    package let is64Bit: Bool
    package let isBigEndian: Bool

    /// Bytes of an address.
    package var wordSize: Int { is64Bit ? 8 : 4 }
}

/// Bytes of a file with their encoding. Every access is checked: beyond the end there is nil, never a trap.
package struct Window: Sendable {
    package let bytes: [UInt8]
    package let encoding: Encoding

    package init(bytes: [UInt8], encoding: Encoding) {
        self.bytes = bytes
        self.encoding = encoding
    }

    package var count: Int { bytes.count }

    package func u8(_ position: Int) -> UInt8? {
        position >= 0 && position < bytes.count ? bytes[position] : nil
    }

    package func u16(_ position: Int) -> UInt16? {
        number(position, size: 2).map { UInt16(truncatingIfNeeded: $0) }
    }

    package func u32(_ position: Int) -> UInt32? {
        number(position, size: 4).map { UInt32(truncatingIfNeeded: $0) }
    }

    package func i32(_ position: Int) -> Int32? {
        u32(position).map { Int32(bitPattern: $0) }
    }

    package func u64(_ position: Int) -> UInt64? {
        number(position, size: 8)
    }

    /// An address or offset in the file's own class.
    package func word(_ position: Int) -> UInt64? {
        number(position, size: encoding.wordSize)
    }

    private func number(_ position: Int, size: Int) -> UInt64? {
        guard position >= 0, position <= bytes.count - size else { return nil }
        var result: UInt64 = 0
        for index in 0..<size {
            let byte = bytes[position + (encoding.isBigEndian ? index : size - 1 - index)]
            result = result << 8 | UInt64(byte)
        }
        return result
    }

    /// The bytes from `position` to the next NUL, at most `limit`; nil where the end comes first.
    package func terminated(_ position: Int, limit: Int) -> [UInt8]? {
        guard position >= 0, position < bytes.count else { return nil }
        let rest = bytes[position..<min(bytes.count, position + limit)]
        guard let end = rest.firstIndex(of: 0) else { return nil }
        return Array(bytes[position..<end])
    }
}

extension UInt64 {
    /// The product, or nil where it does not fit.
    package func times(_ other: UInt64) -> UInt64? {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? nil : product
    }
}
