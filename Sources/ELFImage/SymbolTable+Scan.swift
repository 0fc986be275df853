extension SymbolTable {
    /// Bytes of symbols, and of strings, that are read at most: some 2.8 million symbols.
    private static var byteLimit: UInt64 { 64 << 20 }
    private static var windowSize: Int { 256 << 10 }

    /// Finds functions without a hash table, in two passes over windows: where do the wanted names stand in the
    /// strings, and which symbols point there.
    /// - Returns: For each name its functions, none where it has none.
    func scan(for names: [SymbolName]) throws -> [[Symbol]] {
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
                guard let entry = SymbolEntry(window, at: position), let name = places[entry.name],
                    let function = entry.function
                else { continue }
                result[name].append(function)
            }
            index += wanted
        }
        return result
    }

    /// Offsets in the string table that spell one of the names, with the name's index. Linkers share the tails of
    /// strings, so a name may begin inside another one.
    private func places(of names: [SymbolName]) throws -> [UInt32: Int] {
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
            for end in bytes.indices where bytes[end] == 0 {
                for (index, name) in names.enumerated() {
                    let first = end - (name.terminated.count - 1)
                    guard first >= 0, bytes[first...].starts(with: name.terminated) else { continue }
                    result[UInt32(truncatingIfNeeded: base + UInt64(first))] = index
                }
            }
            base += UInt64(Self.windowSize)
        }
        return result
    }
}
