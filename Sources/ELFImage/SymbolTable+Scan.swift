internal import OS

extension SymbolTable {
    /// Bytes of symbols, and of strings, that are read at most: some 2.8 million symbols.
    private static var byteLimit: UInt64 { 64 << 20 }
    private static var windowSize: Int { 256 << 10 }
    /// Places of a name in the strings, and symbols of a name: real files have a handful, and what hostile ones have
    /// must not fill the memory.
    private static var matchLimit: Int { 256 }

    /// Finds functions without a hash table, in two passes over windows: where do the wanted names stand in the
    /// strings, and which symbols point there.
    /// - Parameter counts: Whether a symbol of that name is one to find; asked for functions alone.
    /// - Returns: For each name its functions, none where it has none.
    func scan(for names: [SymbolName], where counts: (SymbolEntry) -> Bool = { _ in true }) throws -> [[Symbol]] {
        var result = [[Symbol]](repeating: [], count: names.count)
        let places = try places(of: names)
        guard !places.isEmpty, let count else { return result }
        let entrySize = SymbolEntry.size(image.encoding)
        guard let size = count.times(UInt64(entrySize)), size <= Self.byteLimit else {
            throw ELFError.tooLarge(part: "the symbol table", size: count, limit: Self.byteLimit / UInt64(entrySize))
        }
        let perWindow = UInt64(Self.windowSize / entrySize)
        var index: UInt64 = 0
        while index < count {
            let wanted = min(perWindow, count - index)
            guard let start = offset.plus(index * UInt64(entrySize)) else { break }
            let window = try image.exactWindow(at: start, count: Int(wanted) * entrySize, "the symbol table")
            for position in stride(from: 0, to: window.count, by: entrySize) {
                guard let entry = SymbolEntry(window, at: position), let function = entry.function,
                    let name = places[entry.name], counts(entry)
                else { continue }
                result[name].append(function)
                guard result[name].count <= Self.matchLimit else { throw tooOften(names[name]) }
            }
            index += wanted
        }
        return result
    }

    /// Offsets in the string table that spell one of the names, with the name's index. Linkers share the tails of
    /// strings, so a name may begin inside another one.
    private func places(of names: [SymbolName]) throws -> [UInt32: Int] {
        let endings = Endings(names)
        let longest = names.map(\.terminated.count).max() ?? 0
        guard longest > 1 else { return [:] }
        guard stringsSize <= Self.byteLimit else {
            throw ELFError.tooLarge(part: "the string table", size: stringsSize, limit: Self.byteLimit)
        }
        var result: [UInt32: Int] = [:]
        var base: UInt64 = 0
        while base < stringsSize {
            guard let start = stringsOffset.plus(base) else { break }
            let count = Int(min(UInt64(Self.windowSize + longest), stringsSize - base))
            let bytes = try image.bytes(at: start, count: count)
            // A name ends with a NUL, so looking backwards from each NUL finds all of them.
            var next = 1
            while let end = ByteSearch.firstIndex(of: 0, in: bytes, from: next) {
                next = end + 1
                guard endings.lastBytes[Int(bytes[end - 1])] else { continue }
                for index in endings.names(endingAt: end, in: bytes) {
                    let first = end - (names[index].terminated.count - 1)
                    guard first >= 0, bytes[first...].starts(with: names[index].terminated) else { continue }
                    result[UInt32(truncatingIfNeeded: base + UInt64(first))] = index
                    guard result.count <= Self.matchLimit * names.count else { throw tooOften(names[index]) }
                }
            }
            base += UInt64(Self.windowSize)
        }
        return result
    }

    private func tooOften(_ name: SymbolName) -> ELFError {
        .damaged(part: "the symbol table", problem: "it has \(name) more than \(Self.matchLimit) times")
    }
}

/// The last bytes of names, compared at every NUL of a table, where nearly none fits.
private struct Endings {
    /// True for bytes that a name ends with.
    let lastBytes: [Bool]
    /// The last eight bytes of each name, or all, as one number, and which bits of it count.
    private let tails: [(bytes: UInt64, mask: UInt64)]

    init(_ names: [SymbolName]) {
        var lastBytes = [Bool](repeating: false, count: 256)
        tails = names.map { name in
            let tail = name.terminated.dropLast().suffix(8)
            lastBytes[Int(tail.last ?? 0)] = true
            // A shift by the whole width gives 0.
            return (tail.reduce(0) { $0 << 8 | UInt64($1) }, ~(UInt64.max << UInt64(tail.count * 8)))
        }
        self.lastBytes = lastBytes
    }

    /// The names whose last bytes stand before `end`.
    func names(endingAt end: Int, in bytes: [UInt8]) -> [Int] {
        let recent = bytes[max(end - 8, 0)..<end].reduce(0) { $0 << 8 | UInt64($1) }
        return tails.indices.filter { recent & tails[$0].mask == tails[$0].bytes }
    }
}
