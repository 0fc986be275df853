extension ELFImage {
    /// Finds functions that are linked into the file, by their exact names, in the table that linkers write for tools
    /// (`.symtab`): those that the file defines for nobody else too.
    ///
    /// Stripped files have no such table, and cost one read here. Other files cost a pass over their names, some
    /// 1 ns a byte.
    /// - Parameter names: Each once.
    /// - Returns: For each name its functions, mostly none or one; several where source files have functions of their
    ///   own by that name.
    /// - Throws: `ELFError`, or what the source throws.
    public func linkedFunctions(named names: [SymbolName]) throws -> [[Symbol]] {
        let none = [[Symbol]](repeating: [], count: names.count)
        // In other kinds a symbol's value is no address.
        guard kind == .executable || kind == .shared else { return none }
        let sections = try SectionTable(of: self)
        guard let table = try symbolTable(type: Section.symbols, in: sections) else { return none }
        return try table.scan(for: names) { entry in
            // Files of debug information name the functions of another file, whose code they leave out.
            sections[Int(entry.sectionIndex)]?.type != Section.withoutBytes
        }
    }
}
