/// `DT_HASH` (gABI, "Hash Table"): bucket and chain counts, then buckets, then chains that link symbols by index; all
/// 32-bit numbers.
struct SystemVHashTable {
    private let symbols: SymbolTable
    private let offset: FileOffset
    private let bucketCount: UInt32
    private let chainCount: UInt32

    private static let part = "the hash table"
    /// Chains of real files have a handful of symbols; a hostile one may form a circle.
    private static let chainLimit = 4096

    /// - Parameter offset: Where the table begins in the file.
    init(_ symbols: SymbolTable, at offset: FileOffset) throws {
        let header = try symbols.image.exactWindow(at: offset, count: 8, Self.part)
        guard let bucketCount = header.u32(0), let chainCount = header.u32(4) else {
            throw ELFError.truncated(part: Self.part)
        }
        self.symbols = symbols
        self.offset = offset
        self.bucketCount = bucketCount
        self.chainCount = chainCount
    }

    /// Of the symbol table: there is one chain entry for each symbol.
    var symbolCount: UInt64 { UInt64(chainCount) }

    /// All functions of that name; a name has several where it has several versions.
    func functions(named name: SymbolName) throws -> [Symbol] {
        guard bucketCount > 0 else { return [] }
        var result: [Symbol] = []
        var index = try number(2 + UInt64(name.systemVHash % bucketCount))
        for _ in 0..<Self.chainLimit {
            if index == 0 { return result }
            guard index < chainCount else {
                throw ELFError.damaged(part: Self.part, problem: "a chain leads to symbol \(index) of \(chainCount)")
            }
            if let symbol = try symbols.function(UInt64(index), named: name) { result.append(symbol) }
            index = try number(2 + UInt64(bucketCount) + UInt64(index))
        }
        throw ELFError.damaged(part: Self.part, problem: "a chain has no end")
    }

    private func number(_ index: UInt64) throws -> UInt32 {
        guard let start = offset + index * 4,
            let number = try symbols.image.exactWindow(at: start, count: 4, Self.part).u32(0)
        else { throw ELFError.truncated(part: Self.part) }
        return number
    }
}
