internal import ELFImage
internal import OS

/// A string that a program holds, by its end or as a whole.
public struct AnchorText: Sendable, Hashable {
    public let text: String
    /// More may stand before it.
    public let isSuffix: Bool

    public init(_ text: String, isSuffix: Bool) {
        self.text = text
        self.isSuffix = isSuffix
    }
}

/// Where a string stands: code refers to its beginning, or, since linkers share the tails of strings, to any place up
/// to the beginning of what was looked for.
struct FoundText: Sendable {
    /// In the list of texts.
    let index: Int
    let places: ClosedRange<Address>
    let full: String
}

struct TextSearch {
    let image: ELFImage

    /// Sources' paths; a build's folder can be long.
    private static let longestPath = 1024
    /// A string stands there once or twice.
    private static let matchLimit = 64
    private static let windowSize = 1 << 20

    /// Finds strings in `ELFImage.textSegments`.
    func find(_ texts: [AnchorText]) throws -> [FoundText] {
        let needles = texts.map { Array($0.text.utf8) + [0] }
        var result: [FoundText] = []
        for segment in image.searchable(image.textSegments) {
            var done: UInt64 = 0
            while done < segment.fileSize {
                // A window begins with the end of the one before it.
                let begin = done - min(done, UInt64(Self.longestPath))
                let seen = Int(done - begin)
                let count = Int(min(UInt64(Self.windowSize + seen), segment.fileSize - begin))
                let bytes = try image.bytes(in: segment, at: begin, count: count)
                guard bytes.count > seen else { break }
                for (index, needle) in needles.enumerated() {
                    var from = max(0, seen - needle.count + 1)
                    while let start = ByteSearch.firstIndex(of: needle, in: bytes, from: from) {
                        from = start + 1
                        if let found = text(texts[index], index, at: start, in: bytes, segment.address &+ begin) {
                            result.append(found)
                        }
                        guard result.count < Self.matchLimit else { return result }
                    }
                }
                done = begin + UInt64(bytes.count)
            }
        }
        return result
    }

    private func text(
        _ text: AnchorText, _ index: Int, at start: Int, in bytes: [UInt8], _ base: Address
    ) -> FoundText? {
        // The beginning of the file or of a segment is as good an end as a NUL.
        let before = bytes[max(0, start - Self.longestPath)..<start].lastIndex(of: 0).map { $0 + 1 }
        let first = before ?? (start < Self.longestPath ? 0 : start)
        guard text.isSuffix || first == start else { return nil }
        let end = start + text.text.utf8.count
        return FoundText(
            index: index, places: (base &+ UInt64(first))...(base &+ UInt64(start)),
            full: String(decoding: bytes[first..<end], as: UTF8.self))
    }
}
