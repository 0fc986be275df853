/// `.eh_frame_hdr`: for each function in the file its start, sorted, and where its unwind entry lies (LSB Core,
/// "Exception Frames"). It survives stripping.
struct UnwindTable {
    let image: ELFImage
    /// Address of the table's header; its entries are relative to it.
    let address: Address
    private let count: UInt32
    private static let headerSize = 12
    private static let entrySize = 8

    /// Nil where the file has no such table, or in another form than all toolchains write: a 32-bit count and
    /// 32-bit entries relative to the header.
    init?(_ image: ELFImage) throws {
        guard let segment = image.segments.first(where: { $0.type == Segment.unwindTable }) else { return nil }
        let header = try image.window(atAddress: segment.address, count: Self.headerSize)
        // Version, then the encodings of the pointer to .eh_frame (any of four bytes), of the count and of the entries.
        guard header.u8(0) == 1, let pointer = header.u8(1), pointer & 0x0f == 0x0b || pointer & 0x0f == 0x03,
            header.u8(2) == 0x03, header.u8(3) == 0x3b, let count = header.u32(8)
        else { return nil }
        self.image = image
        address = segment.address
        self.count = count
    }

    /// The last entry that begins at or before `target`.
    func entry(atOrBefore target: Address) throws -> (function: Address, entry: Address)? {
        var low = 0
        var high = Int(count)
        // Halve with one small read each, then search the last few hundred entries in one window.
        while high - low > 512 {
            let middle = low + (high - low) / 2
            guard let function = try entries(middle, 1).flatMap({ function(in: $0, 0) }) else { return nil }
            if function <= target { low = middle } else { high = middle }
        }
        guard let window = try entries(low, high - low) else { return nil }
        var found: (Address, Address)?
        for index in 0..<(high - low) {
            guard let function = function(in: window, index), function <= target else { break }
            guard let distance = window.i32(index * Self.entrySize + 4),
                let entry = address.moved(by: Int64(distance))
            else { return nil }
            found = (function, entry)
        }
        return found
    }

    private func entries(_ first: Int, _ count: Int) throws -> Window? {
        guard let start = address + UInt64(Self.headerSize + first * Self.entrySize) else { return nil }
        return try image.window(atAddress: start, count: count * Self.entrySize)
    }

    private func function(in window: Window, _ index: Int) -> Address? {
        window.i32(index * Self.entrySize).flatMap { address.moved(by: Int64($0)) }
    }
}

extension ELFImage {
    /// Whether there is a table that finds the unwind entries of code.
    package var hasUnwindTable: Bool { segments.contains { $0.type == Segment.unwindTable } }

    /// The function that the unwind table says covers `address`; nil where it has no entry there, the file has no
    /// table, or its form is not the usual one.
    /// - Throws: What the source throws.
    public func functionRange(covering address: Address) throws -> Range<Address>? {
        guard let (function, entry) = try UnwindTable(self)?.entry(atOrBefore: address),
            let range = try frameRange(at: entry), range.lowerBound == function, range.contains(address)
        else { return nil }
        return range
    }
}
