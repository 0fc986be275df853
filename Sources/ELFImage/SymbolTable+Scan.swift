extension SymbolTable {
    /// Bytes of symbols that are read at most: some 2.8 million symbols.
    private static var byteLimit: UInt64 { 64 << 20 }
    private static var windowSize: Int { 256 << 10 }
    /// Strings and symbols of a pattern: real files have a handful, and what hostile ones have must not fill the
    /// memory.
    static var matchLimit: Int { 256 }

    /// Finds functions without a hash table, in two passes over windows: where do the wanted names stand in the
    /// strings, and which symbols point there.
    /// - Parameters:
    ///   - count: Of symbols; asked for only where a name is there. Nil: they can't be counted, and none is found.
    ///   - counts: Whether a symbol of that name is one to find; asked for functions alone.
    /// - Returns: For each pattern its functions, none where it has none.
    func scan(
        for patterns: [SymbolPattern], count: @autoclosure () throws -> UInt64?,
        where counts: (SymbolEntry) -> Bool = { _ in true }
    ) throws -> [[Symbol]] {
        var result = [[Symbol]](repeating: [], count: patterns.count)
        let names = try NameStrings(of: self, endingIn: patterns)
        guard !names.isEmpty, let count = try count() else { return result }
        let entrySize = SymbolEntry.size(image.encoding)
        guard let size = count.times(UInt64(entrySize)), size <= Self.byteLimit else {
            throw ELFError.tooLarge(part: "the symbol table", size: count, limit: Self.byteLimit / UInt64(entrySize))
        }
        let perWindow = UInt64(Self.windowSize / entrySize)
        var index: UInt64 = 0
        while index < count {
            let wanted = min(perWindow, count - index)
            guard let start = offset + index * UInt64(entrySize) else { break }
            let window = try image.exactWindow(at: start, count: Int(wanted) * entrySize, "the symbol table")
            for position in stride(from: 0, to: window.count, by: entrySize) {
                guard let entry = SymbolEntry(window, at: position), entry.isFunction,
                    let name = names.name(at: entry.name), counts(entry)
                else { continue }
                for pattern in patterns.indices where patterns[pattern].matches(name) {
                    guard let function = entry.function(named: String(decoding: name, as: UTF8.self)) else { continue }
                    result[pattern].append(function)
                    guard result[pattern].count <= Self.matchLimit else { throw tooOften(patterns[pattern]) }
                }
            }
            index += wanted
        }
        return result
    }

    private func tooOften(_ pattern: SymbolPattern) -> ELFError {
        .damaged(part: "the symbol table", problem: "it has \(pattern) more than \(Self.matchLimit) times")
    }
}
