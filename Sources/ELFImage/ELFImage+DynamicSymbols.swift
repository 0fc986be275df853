extension ELFImage {
    /// Finds functions that the file defines for others (`.dynsym`) by their exact names.
    ///
    /// The file's own hash tables are used as the loader uses them, so that what is found here is what a program would
    /// call. Only where both are missing, section headers lead to a scan of the whole table.
    /// - Parameters:
    ///   - names: Each once.
    ///   - dynamic: As `dynamicSection()` gave it; nil gives no functions.
    /// - Returns: For each name its functions, mostly none or one; several where symbol versions differ.
    /// - Throws: `ELFError`, or what the source throws.
    public func dynamicFunctions(named names: [SymbolName], _ dynamic: DynamicSection?) throws -> [[Symbol]] {
        let none = [[Symbol]](repeating: [], count: names.count)
        guard let dynamic, let symbols = try dynamicSymbolTable(dynamic) else { return none }
        if let hash = dynamic.gnuHash {
            let table = try GNUHashTable(symbols, at: try tableOffset(hash, "the GNU hash table"))
            return try names.map { try table.functions(named: $0) }
        }
        if let hash = dynamic.hash {
            let table = try SystemVHashTable(symbols, at: try tableOffset(hash, "the hash table"))
            return try names.map { try table.functions(named: $0) }
        }
        let patterns = names.map { SymbolPattern(exactly: $0.text) }
        return try symbols.scan(for: patterns, count: try listedDynamicSymbols())
    }

    /// Finds functions that the file defines for others (`.dynsym`) by patterns, for which hash tables are no help: it
    /// costs a pass over all names, some 1 ns a byte, and over all symbols where a name fits.
    /// - Parameter dynamic: As `dynamicSection()` gave it; nil gives no functions.
    /// - Returns: As `dynamicFunctions(named:_:)`.
    /// - Throws: `ELFError`, or what the source throws.
    public func dynamicFunctions(matching patterns: [SymbolPattern], _ dynamic: DynamicSection?) throws -> [[Symbol]] {
        guard let dynamic, let symbols = try dynamicSymbolTable(dynamic) else { return patterns.map { _ in [] } }
        return try symbols.scan(for: patterns, count: try dynamicSymbolCount(dynamic, symbols))
    }

    /// How many entries the dynamic symbol table has: only its hash tables and its section header say so.
    private func dynamicSymbolCount(_ dynamic: DynamicSection, _ symbols: SymbolTable) throws -> UInt64? {
        if let hash = dynamic.hash {
            return try SystemVHashTable(symbols, at: try tableOffset(hash, "the hash table")).symbolCount
        }
        if let hash = dynamic.gnuHash {
            return try GNUHashTable(symbols, at: try tableOffset(hash, "the GNU hash table")).symbolCount()
        }
        return try listedDynamicSymbols()
    }

    private func listedDynamicSymbols() throws -> UInt64? {
        try symbolTable(type: Section.dynamicSymbols, in: try SectionTable(of: self))?.count
    }

    private func dynamicSymbolTable(_ dynamic: DynamicSection) throws -> SymbolTable? {
        guard let symbols = dynamic.symbols, let strings = dynamic.strings else { return nil }
        let size = SymbolEntry.size(encoding)
        guard dynamic.symbolSize ?? UInt64(size) == UInt64(size) else {
            throw ELFError.damaged(
                part: "the dynamic section", problem: "symbols of \(dynamic.symbolSize ?? 0) bytes, not \(size)")
        }
        return SymbolTable(
            image: self, offset: try tableOffset(symbols, "the dynamic symbol table"),
            stringsOffset: try tableOffset(strings, "the dynamic string table"),
            stringsSize: dynamic.stringsSize ?? .max, count: nil)
    }

    private func tableOffset(_ address: Address, _ part: String) throws -> FileOffset {
        guard let offset = fileOffset(of: address) else {
            throw ELFError.damaged(
                part: part, problem: "its address 0x\(String(address.value, radix: 16)) lies nowhere in the file")
        }
        return offset
    }
}
