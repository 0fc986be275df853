internal import OS

/// The strings of a symbol table that end in one of the wanted names, in the table's order. Linkers share the tails of
/// strings, so a symbol's name may begin anywhere in one.
struct NameStrings {
    private struct Entry {
        /// Offset in the string table.
        let start: UInt64
        /// Without the NUL.
        let bytes: [UInt8]
    }

    private var entries: [Entry] = []

    /// Bytes of strings that are read at most.
    private static let byteLimit: UInt64 = 64 << 20
    private static let windowSize = 256 << 10
    /// Of a name with its prefix, in bytes: longer names are those of templates.
    private static let nameLimit = 512

    var isEmpty: Bool { entries.isEmpty }

    /// The name at an offset of the string table; nil where none of the strings is.
    func name(at offset: UInt32) -> ArraySlice<UInt8>? {
        let offset = UInt64(offset)
        // The last entry that begins at or before it.
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= offset { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let entry = entries[low - 1]
        guard offset - entry.start < entry.bytes.count else { return nil }
        return entry.bytes[Int(offset - entry.start)...]
    }

    /// - Throws: `ELFError`, or what the source throws.
    init(of table: SymbolTable, endingIn patterns: [SymbolPattern]) throws {
        let endings = Endings(patterns)
        let longest = patterns.map { $0.allowsPrefix ? Self.nameLimit : $0.bytes.count }.max() ?? 0
        guard patterns.contains(where: { !$0.bytes.isEmpty }) else { return }
        guard table.stringsSize <= Self.byteLimit else {
            throw ELFError.tooLarge(part: "the string table", size: table.stringsSize, limit: Self.byteLimit)
        }
        var base: UInt64 = 0
        while base < table.stringsSize {
            // Windows overlap by a name, which may begin in one and end in the next.
            let before = Int(min(UInt64(longest), base))
            guard let start = table.stringsOffset + (base - UInt64(before)) else { return }
            let count = before + Int(min(UInt64(Self.windowSize), table.stringsSize - base))
            let bytes = try table.image.bytes(at: start, count: count)
            // A name ends with a NUL, so looking backwards from each NUL finds all of them.
            var next = max(before, 1)
            while let end = ByteSearch.firstIndex(of: 0, in: bytes, from: next) {
                next = end + 1
                guard endings.lastBytes[Int(bytes[end - 1])] else { continue }
                var first = end
                for index in endings.patterns(endingAt: end, in: bytes) {
                    let begin = end - patterns[index].bytes.count
                    guard begin >= 0, bytes[begin..<end].elementsEqual(patterns[index].bytes) else { continue }
                    first = min(first, patterns[index].allowsPrefix ? Self.stringStart(before: begin, bytes) : begin)
                }
                guard first < end else { continue }
                entries.append(Entry(start: base - UInt64(before) + UInt64(first), bytes: Array(bytes[first..<end])))
                guard entries.count <= SymbolTable.matchLimit * patterns.count else {
                    throw ELFError.damaged(
                        part: "the string table", problem: "more than \(entries.count - 1) names end as the wanted ones"
                    )
                }
            }
            base += UInt64(Self.windowSize)
        }
    }

    /// Where the string around `position` begins, or the longest name that could end there.
    private static func stringStart(before position: Int, _ bytes: [UInt8]) -> Int {
        var start = position
        while start > 0, position - start < nameLimit, bytes[start - 1] != 0 { start -= 1 }
        return start
    }
}

/// The last bytes of names, compared at every NUL of a table, where nearly none fits.
private struct Endings {
    /// True for bytes that a name ends with.
    let lastBytes: [Bool]
    /// The last eight bytes of each name, or all, as one number, and which bits of it count.
    private let tails: [(bytes: UInt64, mask: UInt64)]

    init(_ patterns: [SymbolPattern]) {
        var lastBytes = [Bool](repeating: false, count: 256)
        tails = patterns.map { pattern in
            let tail = pattern.bytes.suffix(8)
            lastBytes[Int(tail.last ?? 0)] = true
            // A shift by the whole width gives 0.
            return (tail.reduce(0) { $0 << 8 | UInt64($1) }, ~(UInt64.max << UInt64(tail.count * 8)))
        }
        self.lastBytes = lastBytes
    }

    /// The patterns whose last bytes stand before `end`.
    func patterns(endingAt end: Int, in bytes: [UInt8]) -> [Int] {
        let recent = bytes[max(end - 8, 0)..<end].reduce(0) { $0 << 8 | UInt64($1) }
        return tails.indices.filter { recent & tails[$0].mask == tails[$0].bytes }
    }
}
