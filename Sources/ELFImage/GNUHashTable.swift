/// `DT_GNU_HASH`: a Bloom filter that answers "not here" for nearly every absent name with one read, then buckets and
/// chains over the symbols, which are sorted by bucket.
///
/// Layout: four 32-bit numbers (buckets, first hashed symbol, filter words, filter shift), the filter in words of the
/// file's class, buckets and chains in 32-bit numbers (glibc, elf/dl-lookup.c).
struct GNUHashTable {
    private let symbols: SymbolTable
    private let offset: FileOffset
    private let bucketCount: UInt32
    private let firstSymbol: UInt32
    private let filterWords: UInt32
    private let filterShift: UInt32
    /// The table's beginning: mostly all of the filter.
    private let window: Window

    private static let part = "the GNU hash table"
    /// Chains of real files have a handful of symbols.
    private static let chainLimit = 1 << 14
    private static let chainWindow = 64
    private static let bucketWindow: UInt32 = 16 << 10

    /// - Parameter offset: Where the table begins in the file.
    init(_ symbols: SymbolTable, at offset: FileOffset) throws {
        let window = try symbols.image.window(at: offset, count: 2048)
        guard let bucketCount = window.u32(0), let firstSymbol = window.u32(4), let filterWords = window.u32(8),
            let filterShift = window.u32(12)
        else { throw ELFError.truncated(part: Self.part) }
        // The loader masks with count - 1, so that it is a power of two.
        guard filterWords.nonzeroBitCount == 1 else {
            throw ELFError.damaged(part: Self.part, problem: "its filter has \(filterWords) words")
        }
        self.symbols = symbols
        self.offset = offset
        self.bucketCount = bucketCount
        self.firstSymbol = firstSymbol
        self.filterWords = filterWords
        self.filterShift = filterShift
        self.window = window
    }

    /// All functions of that name; a name has several where it has several versions.
    func functions(named name: SymbolName) throws -> [Symbol] {
        guard bucketCount > 0, try mayHold(name) else { return [] }
        let bucket = try fields(at: buckets + UInt64(name.gnuHash % bucketCount) * 4, count: 4)
        guard let first = bucket.u32(0) else { throw ELFError.truncated(part: Self.part) }
        guard first >= firstSymbol, first != 0 else { return [] }

        var result: [Symbol] = []
        var index = first
        for _ in 0..<(Self.chainLimit / Self.chainWindow) {
            let chain = try fields(at: chains + UInt64(index - firstSymbol) * 4, count: 4 * Self.chainWindow)
            for position in 0..<Self.chainWindow {
                guard let hash = chain.u32(position * 4) else { throw ELFError.truncated(part: Self.part) }
                // The lowest bit marks the chain's end.
                if hash | 1 == name.gnuHash | 1, let symbol = try symbols.function(UInt64(index), named: name) {
                    result.append(symbol)
                }
                if hash & 1 == 1 { return result }
                guard index < .max else { return result }
                index += 1
            }
        }
        throw ELFError.damaged(part: Self.part, problem: "a chain has no end")
    }

    // All factors are 32-bit: these sums fit in 64 bits.
    private var buckets: UInt64 { 16 + UInt64(filterWords) * UInt64(symbols.image.encoding.wordSize) }
    private var chains: UInt64 { buckets + UInt64(bucketCount) * 4 }

    /// Of the symbol table, which ends where the chain of the last bucket in use ends.
    func symbolCount() throws -> UInt64 {
        var last: UInt32 = 0
        var bucket: UInt32 = 0
        while bucket < bucketCount {
            let wanted = min(bucketCount - bucket, Self.bucketWindow)
            let window = try fields(at: buckets + UInt64(bucket) * 4, count: Int(wanted) * 4)
            for position in 0..<Int(wanted) {
                guard let first = window.u32(position * 4) else { throw ELFError.truncated(part: Self.part) }
                last = max(last, first)
            }
            bucket += wanted
        }
        // No bucket is in use: what there is are imports.
        guard last >= firstSymbol, last != 0 else { return UInt64(firstSymbol) }
        for position in 0..<UInt64(Self.chainLimit) {
            let index = UInt64(last) + position
            let chain = try fields(at: chains + (index - UInt64(firstSymbol)) * 4, count: 4)
            guard let hash = chain.u32(0) else { throw ELFError.truncated(part: Self.part) }
            if hash & 1 == 1 { return index + 1 }
        }
        throw ELFError.damaged(part: Self.part, problem: "a chain has no end")
    }

    private func mayHold(_ name: SymbolName) throws -> Bool {
        let encoding = symbols.image.encoding
        let bits = UInt32(encoding.wordSize * 8)
        let position = 16 + UInt64(name.gnuHash / bits & (filterWords - 1)) * UInt64(encoding.wordSize)
        guard let word = try fields(at: position, count: encoding.wordSize).word(0) else {
            throw ELFError.truncated(part: Self.part)
        }
        // Smart shifts: a shift beyond the word's width gives 0, and never a trap.
        let second = (name.gnuHash >> filterShift) % bits
        return word >> UInt64(name.gnuHash % bits) & word >> UInt64(second) & 1 == 1
    }

    /// Bytes at a position in the table, from the window where it has them; fewer at the end of the file.
    private func fields(at position: UInt64, count: Int) throws -> Window {
        if position <= UInt64(window.count), count <= window.count - Int(position) {
            let start = Int(position)
            return Window(bytes: Array(window.bytes[start..<(start + count)]), encoding: window.encoding)
        }
        guard let start = offset + position else { throw ELFError.truncated(part: Self.part) }
        return try symbols.image.window(at: start, count: count)
    }
}
