@testable import ELFImage

/// Writes a small ELF file in any class and byte order: headers, note, hash table, symbols, symbol versions, unwind
/// table, dynamic section, symbols for tools and section headers, with addresses `base` above file offsets.
struct ELFBuilder {
    enum Lookup: CaseIterable {
        case gnuHash, systemVHash, sections
    }

    struct Function {
        let name: String
        var type: UInt8 = 2
        var sectionIndex: UInt16 = 1
        /// In the text, in units of `functionSize`.
        let slot: Int
    }

    static let base: UInt64 = 0x40_0000
    static let functionSize = 32

    var is64Bit = true
    var isBigEndian = false
    var machine: UInt16 = 62
    var lookup = Lookup.gnuHash
    var functions = [
        Function(name: "first_function", slot: 0), Function(name: "second_function", slot: 1),
        Function(name: "chosen_at_start", type: 10, slot: 2), Function(name: "some_data", type: 1, slot: 3),
        Function(name: "imported_function", sectionIndex: 0, slot: 0),
    ]
    var needed = ["libneeded.so.1"]
    var buildID: [UInt8] = [0xde, 0xad, 0xbe, 0xef]
    var versions = ["THIS_1.0", "THIS_1.2.3"]
    /// In `.symtab`; without any there is no such section.
    var linked: [Function] = []
    /// What stands between the strings' first NUL and the first name of `linked`.
    var linkedPadding: [UInt8] = []
    /// Index of a section that has no bytes in the file.
    static let emptySection: UInt16 = 3

    /// Where things lie in the file, filled in by `build`.
    struct Layout {
        var text = 0
        var dynamic = 0
        var segments = 0
        var sections = 0
    }

    private(set) var bytes: [UInt8] = []
    private(set) var layout = Layout()

    init(
        is64Bit: Bool = true, isBigEndian: Bool = false, lookup: Lookup = .gnuHash, linked: [Function] = [],
        linkedPadding: [UInt8] = []
    ) {
        self.is64Bit = is64Bit
        self.isBigEndian = isBigEndian
        self.lookup = lookup
        self.linked = linked
        self.linkedPadding = linkedPadding
        build()
    }

    private var word: Int { is64Bit ? 8 : 4 }

    func address(ofSlot slot: Int) -> Address { Address(Self.base + UInt64(layout.text + slot * Self.functionSize)) }

    mutating func build() {
        let segmentCount = 4
        let headerSize = is64Bit ? 64 : 52
        bytes = [UInt8](repeating: 0, count: headerSize + segmentCount * (is64Bit ? 56 : 32))
        layout.segments = headerSize

        let note = begin()
        put(4, 4)
        put(UInt64(buildID.count), 4)
        put(3, 4)
        bytes += Array("GNU\0".utf8) + buildID
        let noteSize = bytes.count - note

        // The text first, so that symbols know their addresses.
        layout.text = begin()
        bytes += [UInt8](repeating: 0x90, count: 4 * Self.functionSize)
        let (strings, offsets) = stringTable()
        let sorted = functions.sorted {
            SymbolName($0.name).gnuHash % 2 < SymbolName($1.name).gnuHash % 2
        }
        let symbols = begin()
        symbol(name: 0, type: 0, sectionIndex: 0, value: 0, size: 0)
        for function in sorted {
            symbol(
                name: offsets[function.name] ?? 0, type: function.type, sectionIndex: function.sectionIndex,
                value: address(ofSlot: function.slot).value, size: UInt64(Self.functionSize))
        }
        let stringsStart = begin()
        bytes += strings
        let hash = hashTable(sorted.map { SymbolName($0.name) })
        let definitions = versionDefinitions(offsets)
        let unwind = unwindTable()

        layout.dynamic = begin()
        func at(_ offset: Int) -> UInt64 { Self.base + UInt64(offset) }
        var entries: [(UInt64, UInt64)] = needed.map { (1, UInt64(offsets[$0] ?? 0)) }
        entries += [
            (5, at(stringsStart)), (6, at(symbols)), (10, UInt64(strings.count)), (11, is64Bit ? 24 : 16),
            (0x6fff_fffc, at(definitions)), (0x6fff_fffd, UInt64(versions.count)),
        ]
        if lookup == .gnuHash { entries.append((0x6fff_fef5, at(hash))) }
        if lookup == .systemVHash { entries.append((4, at(hash))) }
        for (tag, value) in entries + [(0, 0)] {
            put(tag, word)
            put(value, word)
        }
        let dynamicSize = bytes.count - layout.dynamic

        let linkedSymbols = begin()
        var linkedStrings = [0] + linkedPadding
        symbol(name: 0, type: 0, sectionIndex: 0, value: 0, size: 0)
        for function in linked {
            symbol(
                name: UInt64(linkedStrings.count), type: function.type, sectionIndex: function.sectionIndex,
                value: address(ofSlot: function.slot).value, size: UInt64(Self.functionSize))
            linkedStrings += Array(function.name.utf8) + [0]
        }
        let linkedSymbolsSize = bytes.count - linkedSymbols
        let linkedStringsStart = begin()
        bytes += linkedStrings

        layout.sections = begin()
        section(type: 0, offset: 0, size: 0, link: 0, entrySize: 0)
        section(
            type: 11, offset: symbols, size: stringsStart - symbols, link: 2, entrySize: is64Bit ? 24 : 16)
        section(type: 3, offset: stringsStart, size: strings.count, link: 0, entrySize: 0)
        section(type: 8, offset: layout.text, size: 4 * Self.functionSize, link: 0, entrySize: 0)
        if !linked.isEmpty {
            section(
                type: 2, offset: linkedSymbols, size: linkedSymbolsSize, link: 5, entrySize: is64Bit ? 24 : 16)
            section(type: 3, offset: linkedStringsStart, size: linkedStrings.count, link: 0, entrySize: 0)
        }

        let body = bytes
        bytes = []
        header(sections: layout.sections, sectionCount: linked.isEmpty ? 4 : 6, segmentCount: segmentCount)
        segment(type: 1, flags: 5, offset: 0, size: body.count)
        segment(type: 2, flags: 4, offset: layout.dynamic, size: dynamicSize)
        segment(type: 4, flags: 4, offset: note, size: noteSize)
        segment(type: 0x6474_e550, flags: 4, offset: unwind, size: layout.dynamic - unwind)
        bytes += body[bytes.count...]
    }

    private func stringTable() -> ([UInt8], [String: UInt64]) {
        var strings: [UInt8] = [0]
        var offsets: [String: UInt64] = [:]
        for name in functions.map(\.name) + needed + versions {
            offsets[name] = UInt64(strings.count)
            strings += Array(name.utf8) + [0]
        }
        return (strings, offsets)
    }

    private mutating func hashTable(_ names: [SymbolName]) -> Int {
        let start = begin()
        if lookup == .systemVHash {
            put(1, 4)
            put(UInt64(names.count + 1), 4)
            put(1, 4)  // the only bucket begins with symbol 1 …
            put(0, 4)
            for index in names.indices { put(index == names.count - 1 ? 0 : UInt64(index + 2), 4) }  // … all follow
            return start
        }
        let bits = UInt32(word * 8)
        var filter: UInt64 = 0
        for name in names {
            filter |= 1 << UInt64(name.gnuHash % bits) | 1 << UInt64((name.gnuHash >> 6) % bits)
        }
        for number in [2, 1, 1, 6] as [UInt64] { put(number, 4) }
        put(filter, word)
        for bucket in 0..<2 as Range<UInt32> {
            put(UInt64(names.firstIndex { $0.gnuHash % 2 == bucket }.map { $0 + 1 } ?? 0), 4)
        }
        for (index, name) in names.enumerated() {
            let isLast = index + 1 == names.count || names[index + 1].gnuHash % 2 != name.gnuHash % 2
            put(UInt64(name.gnuHash & ~1 | (isLast ? 1 : 0)), 4)
        }
        return start
    }

    private mutating func versionDefinitions(_ offsets: [String: UInt64]) -> Int {
        let start = begin()
        for (index, version) in versions.enumerated() {
            for field in [1, 0, UInt64(index + 1), 1] { put(field, 2) }
            put(0, 4)
            put(20, 4)
            put(index + 1 == versions.count ? 0 : 28, 4)
            put(offsets[version] ?? 0, 4)
            put(0, 4)
        }
        return start
    }

    /// One common entry and one entry for each slot, in the form that GCC and Clang use.
    private mutating func unwindTable() -> Int {
        let common = begin()
        put(16, 4)
        put(0, 4)
        bytes += [1] + Array("zR\0".utf8) + [1, 0x78, 16, 1, 0x1b, 0, 0, 0]
        var entries: [Int] = []
        for slot in 0..<4 {
            entries.append(bytes.count)
            put(16, 4)
            put(UInt64(bytes.count - common), 4)
            put(layout.text + slot * Self.functionSize - bytes.count, 4)
            put(UInt64(Self.functionSize), 4)
            put(0, 4)
        }
        let start = begin()
        bytes += [1, 0x1b, 0x03, 0x3b]
        put(common - bytes.count, 4)
        put(4, 4)
        for slot in 0..<4 {
            put(layout.text + slot * Self.functionSize - start, 4)
            put(entries[slot] - start, 4)
        }
        return start
    }
}

extension ELFBuilder {
    private mutating func begin() -> Int {
        while bytes.count % 8 != 0 { bytes.append(0) }
        return bytes.count
    }

    /// Appends the low `size` bytes.
    private mutating func put(_ number: UInt64, _ size: Int) {
        let little = (0..<size).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
        bytes += isBigEndian ? little.reversed() : little
    }

    private mutating func put(_ number: Int, _ size: Int) {
        put(UInt64(bitPattern: Int64(number)), size)
    }

    private mutating func header(sections: Int, sectionCount: Int, segmentCount: Int) {
        bytes += [0x7f, 0x45, 0x4c, 0x46, is64Bit ? 2 : 1, isBigEndian ? 2 : 1, 1] + [UInt8](repeating: 0, count: 9)
        put(3, 2)
        put(UInt64(machine), 2)
        put(1, 4)
        put(0, word)
        put(layout.segments, word)
        put(sections, word)
        put(0, 4)
        let sizes = (header: is64Bit ? 64 : 52, segment: is64Bit ? 56 : 32, section: is64Bit ? 64 : 40)
        for field in [sizes.header, sizes.segment, segmentCount, sizes.section, sectionCount, 0] { put(field, 2) }
    }

    private mutating func segment(type: UInt64, flags: UInt64, offset: Int, size: Int) {
        put(type, 4)
        if is64Bit { put(flags, 4) }
        put(offset, word)
        put(Self.base + UInt64(offset), word)
        put(Self.base + UInt64(offset), word)
        put(size, word)
        put(size, word)
        if !is64Bit { put(flags, 4) }
        put(8, word)
    }

    private mutating func symbol(name: UInt64, type: UInt8, sectionIndex: UInt16, value: UInt64, size: UInt64) {
        put(name, 4)
        if is64Bit {
            bytes += [0x10 | type, 0]
            put(UInt64(sectionIndex), 2)
        }
        put(value, word)
        put(size, word)
        if !is64Bit {
            bytes += [0x10 | type, 0]
            put(UInt64(sectionIndex), 2)
        }
    }

    private mutating func section(type: UInt64, offset: Int, size: Int, link: UInt64, entrySize: UInt64) {
        put(0, 4)
        put(type, 4)
        put(0, word)
        put(0, word)
        put(offset, word)
        put(size, word)
        put(link, 4)
        put(0, 4)
        put(0, word)
        put(entrySize, word)
    }
}
