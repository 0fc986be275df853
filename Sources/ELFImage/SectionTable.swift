/// One section header (gABI, "Section Header"). They serve tools, not the loader: they may be missing or false.
package struct Section: Sendable {
    /// Offset in the section of names.
    let name: UInt32
    let type: UInt32
    /// Where it is in memory; 0 where it is not.
    package let address: Address
    let offset: FileOffset
    package let size: UInt64
    /// Index of the section that holds the strings, for symbol tables.
    let link: UInt32
    let entrySize: UInt64

    static let symbols: UInt32 = 2
    static let note: UInt32 = 7
    /// What lies in memory only, or was left out (`SHT_NOBITS`).
    static let withoutBytes: UInt32 = 8
    static let dynamicSymbols: UInt32 = 11

    static func headerSize(_ encoding: Encoding) -> Int { encoding.is64Bit ? 64 : 40 }

    /// Nil also for what ends beyond what a file or the address space can have: as for segments, other code need not ask.
    init?(_ window: Window, at position: Int) {
        let is64Bit = window.encoding.is64Bit
        guard let name = window.u32(position),
            let type = window.u32(position + 4),
            let address = window.word(position + (is64Bit ? 16 : 12)),
            let offset = window.word(position + (is64Bit ? 24 : 16)),
            let size = window.word(position + (is64Bit ? 32 : 20)),
            let link = window.u32(position + (is64Bit ? 40 : 24)),
            let entrySize = window.word(position + (is64Bit ? 56 : 36))
        else { return nil }
        self.name = name
        self.type = type
        self.address = Address(address)
        self.offset = FileOffset(offset)
        self.size = size
        self.link = link
        self.entrySize = entrySize
        guard let end = self.offset + size, end <= FileOffset.last, self.address + size != nil else { return nil }
    }
}

/// The section headers, read in one piece and taken apart as they are asked for: of most files none is.
struct SectionTable: Sendable {
    let count: Int
    private let window: Window
    private let image: ELFImage

    /// Bytes of names that are read at most.
    private static let namesLimit: UInt64 = 1 << 20

    /// - Throws: `ELFError`, or what the source throws.
    init(of image: ELFImage) throws {
        self.image = image
        let headers = image.sectionHeaders
        // More than 65,279 sections are counted elsewhere: only relocatable objects have so many.
        guard headers.offset != 0, headers.count > 0 else {
            count = 0
            window = Window(bytes: [], encoding: image.encoding)
            return
        }
        let size = Section.headerSize(image.encoding)
        let part = "the section header table"
        guard Int(headers.entrySize) == size else {
            throw ELFError.damaged(part: part, problem: "headers of \(headers.entrySize) bytes, not \(size)")
        }
        count = Int(headers.count)
        window = try image.exactWindow(at: headers.offset, count: count * size, part)
    }

    /// Nil where there is no such section.
    subscript(index: Int) -> Section? {
        guard index >= 0, index < count else { return nil }
        return Section(window, at: index * Section.headerSize(window.encoding))
    }

    func first(ofType type: UInt32) -> Section? {
        let size = Section.headerSize(window.encoding)
        return (0..<count).first { window.u32($0 * size + 4) == type }.flatMap { self[$0] }
    }

    func all(ofType type: UInt32) -> some Sequence<Section> {
        (0..<count).lazy.compactMap { self[$0] }.filter { $0.type == type }
    }

    /// The first section that has bytes in the file and that name.
    /// - Throws: `ELFError`, or what the source throws.
    func first(named name: String) throws -> Section? {
        try sections(named: [name])[name]
    }

    /// The sections that have bytes in the file and one of these names, the first of each.
    /// - Throws: `ELFError`, or what the source throws.
    func sections(named names: [String]) throws -> [String: Section] {
        guard let strings = self[Int(image.sectionHeaders.names)], strings.type != Section.withoutBytes else {
            return [:]
        }
        let texts = try image.window(at: strings.offset, count: Int(min(strings.size, Self.namesLimit))).bytes
        let wanted = names.map { ($0, Array($0.utf8) + [0]) }
        var found: [String: Section] = [:]
        for index in 0..<count {
            guard let section = self[index], section.type != Section.withoutBytes, Int(section.name) < texts.count
            else {
                continue
            }
            for (name, bytes) in wanted where found[name] == nil && texts[Int(section.name)...].starts(with: bytes) {
                found[name] = section
            }
        }
        return found
    }
}

extension ELFImage {
    /// The sections that have one of these names; nil where sections can't be looked for by
    /// name: the headers were stripped, or are damaged, which keeps no program from running.
    /// - Throws: What the source throws.
    package func sections(named names: [String]) throws -> [String: Section]? {
        let table: SectionTable
        do {
            table = try SectionTable(of: self)
        } catch is ELFError {
            return nil
        }
        guard let strings = table[Int(sectionHeaders.names)], strings.size > 0 else { return nil }
        return try table.sections(named: names)
    }

    /// The symbol table of a section type, with its strings; nil where there is none.
    func symbolTable(type: UInt32, in sections: SectionTable) throws -> SymbolTable? {
        guard let symbols = sections.first(ofType: type) else { return nil }
        let size = UInt64(SymbolEntry.size(encoding))
        guard symbols.entrySize == size, let strings = sections[Int(symbols.link)] else {
            throw ELFError.damaged(
                part: "a symbol table's section header", problem: "its entry size or its string table is wrong")
        }
        return SymbolTable(
            image: self, offset: symbols.offset, stringsOffset: strings.offset, stringsSize: strings.size,
            count: symbols.size / size)
    }
}
