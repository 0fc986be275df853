/// One section header (gABI, "Section Header"). They serve tools, not the loader: they may be missing or false.
struct Section: Sendable {
    let type: UInt32
    let offset: UInt64
    let size: UInt64
    /// Index of the section that holds the strings, for symbol tables.
    let link: UInt32
    let entrySize: UInt64

    static let dynamicSymbols: UInt32 = 11

    static func headerSize(_ encoding: Encoding) -> Int { encoding.is64Bit ? 64 : 40 }

    init?(_ window: Window, at position: Int) {
        let is64Bit = window.encoding.is64Bit
        guard let type = window.u32(position + 4),
            let offset = window.word(position + (is64Bit ? 24 : 16)),
            let size = window.word(position + (is64Bit ? 32 : 20)),
            let link = window.u32(position + (is64Bit ? 40 : 24)),
            let entrySize = window.word(position + (is64Bit ? 56 : 36))
        else { return nil }
        self.type = type
        self.offset = offset
        self.size = size
        self.link = link
        self.entrySize = entrySize
    }
}

extension ELFImage {
    /// The section headers; none where the file has none.
    func sections() throws -> [Section] {
        // More than 65,279 sections are counted elsewhere: only relocatable objects have so many.
        guard sectionHeaders.offset != 0, sectionHeaders.count > 0 else { return [] }
        let size = Section.headerSize(encoding)
        let part = "the section header table"
        guard Int(sectionHeaders.entrySize) == size else {
            throw ELFError.damaged(part: part, problem: "headers of \(sectionHeaders.entrySize) bytes, not \(size)")
        }
        let window = try exactWindow(at: sectionHeaders.offset, count: Int(sectionHeaders.count) * size, part)
        return (0..<Int(sectionHeaders.count)).compactMap { Section(window, at: $0 * size) }
    }

    /// The symbol table of a section type, with its strings; nil where there is none.
    func symbolTable(sectionType type: UInt32) throws -> SymbolTable? {
        let sections = try sections()
        guard let symbols = sections.first(where: { $0.type == type }) else { return nil }
        let size = UInt64(SymbolEntry.size(encoding))
        guard symbols.entrySize == size, Int(symbols.link) < sections.count else {
            throw ELFError.damaged(
                part: "a symbol table's section header", problem: "its entry size or its string table is wrong")
        }
        let strings = sections[Int(symbols.link)]
        return SymbolTable(
            image: self, offset: symbols.offset, stringsOffset: strings.offset, stringsSize: strings.size,
            count: symbols.size / size)
    }
}
