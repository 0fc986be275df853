/// What the loader is told about a file (gABI, "Dynamic Section").
public struct DynamicSection: Sendable {
    /// The libraries it needs, in the file's order. Text from the file: not trusted.
    public let needed: [String]
    public let soname: String?
    /// `DT_RPATH`, with the loader's variables, colons between folders.
    public let rpath: String?
    /// `DT_RUNPATH`, likewise; where it is present the loader ignores `rpath`.
    public let runpath: String?

    /// Addresses; nil where the section has no such entry.
    let strings: Address?
    let stringsSize: UInt64?
    let symbols: Address?
    let symbolSize: UInt64?
    let gnuHash: Address?
    let hash: Address?
    let versionDefinitions: Address?
    let versionDefinitionCount: UInt64?
    let relocations: Address?
    let relocationsSize: UInt64?
}

extension ELFImage {
    /// The dynamic section; nil for static programs.
    /// - Parameter names: False leaves its four texts out, which saves a read for each; tables are found without them.
    /// - Throws: `ELFError`, or what the source throws.
    public func dynamicSection(names: Bool = true) throws -> DynamicSection? {
        guard let segment = segments.first(where: { $0.type == Segment.dynamic }), segment.fileSize > 0 else {
            return nil
        }
        let part = "the dynamic section"
        let limit: UInt64 = 64 << 10
        guard segment.fileSize <= limit else {
            throw ELFError.tooLarge(part: part, size: segment.fileSize, limit: limit)
        }
        // The loader goes by the address; the header's file offset is used where no segment holds that.
        let offset = fileOffset(of: segment.address) ?? segment.fileOffset
        let entries = DynamicEntries(try exactWindow(at: offset, count: Int(segment.fileSize), part))
        let strings = entries.address(5)
        func text(_ offset: UInt64?) throws -> String? {
            guard names, let offset, let strings else { return nil }
            return try string(at: strings, offset)
        }
        return DynamicSection(
            needed: try entries.all(1).compactMap { try text($0) },
            soname: try text(entries.first(14)), rpath: try text(entries.first(15)),
            runpath: try text(entries.first(29)),
            strings: strings, stringsSize: entries.first(10), symbols: entries.address(6),
            symbolSize: entries.first(11), gnuHash: entries.address(0x6fff_fef5), hash: entries.address(4),
            versionDefinitions: entries.address(0x6fff_fffc), versionDefinitionCount: entries.first(0x6fff_fffd),
            relocations: entries.address(7), relocationsSize: entries.first(8))
    }

    /// A name of a string table that begins at the address `table`.
    func string(at table: Address, _ offset: UInt64) throws -> String {
        let limit = 4096
        guard let address = table + offset else {
            throw ELFError.damaged(part: "a name in the dynamic section", problem: "its offset is \(offset)")
        }
        for count in [128, limit] {
            if let name = try window(atAddress: address, count: count).terminated(0, limit: limit) {
                return String(decoding: name, as: UTF8.self)
            }
        }
        throw ELFError.damaged(
            part: "a name in the dynamic section", problem: "it has no end within \(limit) bytes, or lies nowhere")
    }
}

/// Tag and value pairs up to the terminator.
private struct DynamicEntries {
    private var entries: [(tag: UInt64, value: UInt64)] = []

    init(_ window: Window) {
        let word = window.encoding.wordSize
        var position = 0
        while let tag = window.word(position), let value = window.word(position + word), tag != 0 {
            entries.append((tag, value))
            position += 2 * word
        }
    }

    func first(_ tag: UInt64) -> UInt64? {
        entries.first { $0.tag == tag }?.value
    }

    func address(_ tag: UInt64) -> Address? {
        first(tag).map(Address.init)
    }

    /// At most 1024 values: more names than any program needs.
    func all(_ tag: UInt64) -> [UInt64] {
        Array(entries.lazy.filter { $0.tag == tag }.map(\.value).prefix(1024))
    }
}
