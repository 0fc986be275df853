internal import ELFImage

/// The header of a Go program's function table (`runtime.pcHeader`, Go's src/runtime/symtab.go), which the runtime needs
/// for stack traces and which therefore survives stripping. Offsets in it count from the header.
struct FunctionTable: Sendable {
    /// By the version that the layout came with.
    enum Layout: UInt32, Sendable {
        case go1x2 = 0xffff_fffb
        case go1x16 = 0xffff_fffa
        case go1x18 = 0xffff_fff0
        case go1x20 = 0xffff_fff1

        /// From 1.18 on entries are 32-bit distances from the text's start, before that addresses.
        var isRelative: Bool { self == .go1x18 || self == .go1x20 }
    }

    let layout: Layout
    let address: Address
    let count: UInt64
    /// The function names, each with a NUL behind it. In the layout of 1.2 they lie among other things.
    let names: Range<Address>
    /// Address of the pairs of entry and offset, one for each function in the order of their addresses; behind them the
    /// end of the last function.
    let pairs: Address
    /// What the offsets in pairs count from.
    let descriptions: Address
    /// Where the file's bytes of the table end at the latest.
    let end: Address

    /// Bytes of one half of a pair.
    var fieldSize: Int { layout.isRelative ? 4 : 8 }
    /// Bytes of all pairs, with what ends them.
    var pairsSize: UInt64 { (count * 2 + 1) * UInt64(fieldSize) }

    static let headerSize = 72
    /// The largest programs have some 500,000.
    static let countLimit: UInt64 = 8 << 20

    /// Nil where no header stands at `address`, or one that contradicts itself.
    init?(_ image: ELFImage, at address: Address) throws {
        guard let segment = image.segment(containing: address), segment.isReadable,
            let end = segment.address + segment.fileSize
        else { return nil }
        let window = try image.window(atAddress: address, count: Self.headerSize)
        // Two bytes of padding, the smallest distance between instructions, the size of a pointer.
        guard let magic = window.u32(0), let layout = Layout(rawValue: magic), window.u16(4) == 0,
            window.u8(6) == (image.machine == .arm64 ? 4 : 1), window.u8(7) == 8,
            let count = window.u64(8), (1...Self.countLimit).contains(count)
        else { return nil }
        self.layout = layout
        self.address = address
        self.count = count
        self.end = end
        switch layout {
        case .go1x2:
            guard let first = address + 16 else { return nil }
            pairs = first
            descriptions = address
            names = address..<end
        case .go1x16, .go1x18, .go1x20:
            // Names, compilation units, files, tables of program counters, pairs.
            let first = layout.isRelative ? 32 : 24
            let places = (0..<5).compactMap { window.u64(first + $0 * 8) }.compactMap { address + $0 }
            guard places.count == 5, places[0] > address, places == places.sorted(), places[4] < end else { return nil }
            names = places[0]..<places[1]
            pairs = places[4]
            descriptions = places[4]
        }
        guard let left = end.distance(from: pairs), pairsSize <= left else { return nil }
    }
}
