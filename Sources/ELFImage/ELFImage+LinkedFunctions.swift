extension ELFImage {
    /// Where the code is that a symbol table names.
    enum CodePlace {
        /// In this file. Files of debug information name the functions of another one, whose code they leave out:
        /// they have none.
        case here
        /// In another file.
        case elsewhere
    }

    /// Finds functions that are linked into the file, in the table that linkers write for tools (`.symtab`): those
    /// that the file defines for nobody else too.
    ///
    /// Stripped files have no such table, and cost one read here. Other files cost a pass over their names, some
    /// 1 ns a byte.
    /// - Returns: For each pattern its functions, mostly none or one; several where source files have functions of
    ///   their own by that name.
    /// - Throws: `ELFError`, or what the source throws.
    public func linkedFunctions(matching patterns: [SymbolPattern]) throws -> [[Symbol]] {
        try linkedFunctions(matching: patterns, code: .here)
    }

    func linkedFunctions(matching patterns: [SymbolPattern], code: CodePlace) throws -> [[Symbol]] {
        let none = [[Symbol]](repeating: [], count: patterns.count)
        // In other kinds a symbol's value is no address.
        guard kind == .executable || kind == .shared else { return none }
        let sections = try SectionTable(of: self)
        guard let table = try symbolTable(type: Section.symbols, in: sections) else { return none }
        return try table.scan(for: patterns, count: table.count) { entry in
            code == .elsewhere || sections[Int(entry.sectionIndex)]?.type != Section.withoutBytes
        }
    }
}

extension ELFImage {
    /// Whether the file has symbols for tools.
    public func hasLinkedSymbols() throws -> Bool {
        do {
            return try SectionTable(of: self).first(ofType: Section.symbols) != nil
        } catch is ELFError {
            return false
        }
    }

    /// As `linkedFunctions(matching:)`, by exact names.
    public func linkedFunctions(named names: [SymbolName]) throws -> [[Symbol]] {
        try linkedFunctions(matching: names.map { SymbolPattern(exactly: $0.text) })
    }
}
