internal import LibLZMA

/// A file of the cache: a checksum of the rest (16 digits and a line's end), then what it is the result of, an empty line
/// and the value.
struct ScanEntry {
    let value: [UInt8]

    private static let checksumSize = 17

    init(value: [UInt8]) {
        self.value = value
    }

    /// Nil where the bytes are no whole entry, or one of another key.
    init?(_ bytes: [UInt8], header: String, key: ScanKey) {
        let start = Self.start(header, key)
        guard bytes.count >= Self.checksumSize + start.count, bytes[Self.checksumSize...].starts(with: start) else {
            return nil
        }
        guard bytes.starts(with: Self.checksum(Array(bytes[Self.checksumSize...]))) else { return nil }
        value = Array(bytes[(Self.checksumSize + start.count)...])
    }

    func bytes(header: String, key: ScanKey) -> [UInt8] {
        let rest = Self.start(header, key) + value
        return Self.checksum(rest) + rest
    }

    private static func start(_ header: String, _ key: ScanKey) -> [UInt8] {
        Array("\(header)\(key.text)\n\n".utf8)
    }

    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var sum = CRC64()
        sum.add(bytes)
        let digits = String(sum.value, radix: 16)
        return Array((String(repeating: "0", count: 16 - digits.count) + digits + "\n").utf8)
    }
}
