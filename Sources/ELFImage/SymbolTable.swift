/// A table of symbols and the strings it names them with, by file offset. The dynamic one is found through the
/// dynamic section; any other through section headers.
struct SymbolTable: Sendable {
    let image: ELFImage
    let offset: FileOffset
    let stringsOffset: FileOffset
    let stringsSize: UInt64
    /// Entries, where a section header gives them: the dynamic section does not.
    let count: UInt64?

    /// The entry at `index`.
    /// - Throws: `ELFError.truncated` where the table ends before it.
    func entry(_ index: UInt64) throws -> SymbolEntry {
        let size = SymbolEntry.size(image.encoding)
        let part = "the symbol table"
        guard let offset = index.times(UInt64(size)).flatMap({ offset + $0 }),
            let entry = SymbolEntry(try image.exactWindow(at: offset, count: size, part), at: 0)
        else { throw ELFError.truncated(part: part) }
        return entry
    }

    func isNamed(_ entry: SymbolEntry, _ name: SymbolName) throws -> Bool {
        let start = UInt64(entry.name)
        // Both are small.
        guard start + UInt64(name.terminated.count) <= stringsSize, let offset = stringsOffset + start
        else { return false }
        return try image.bytes(at: offset, count: name.terminated.count) == name.terminated
    }

    /// The function at `index` if it has that name.
    func function(_ index: UInt64, named name: SymbolName) throws -> Symbol? {
        let entry = try entry(index)
        guard entry.isFunction, try isNamed(entry, name) else { return nil }
        return entry.function(named: name.text)
    }
}
