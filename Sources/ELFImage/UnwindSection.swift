/// `.eh_frame` without the table that finds entries in it: GNU ld makes none for static programs. Read once as a whole.
package struct UnwindSection: Sendable {
    /// Code of functions, by its beginning.
    private let ranges: [Range<Address>]

    /// Bytes; of programs of 100 MB it has some 5.
    private static let limit: UInt64 = 32 << 20

    /// Empty where section headers lead to none.
    /// - Throws: `ELFError` where it is too large, or what the source throws.
    package init(_ image: ELFImage) throws {
        guard let section = try image.sections(named: [".eh_frame"])?[".eh_frame"] else {
            ranges = []
            return
        }
        guard section.size <= Self.limit else {
            throw ELFError.tooLarge(part: "the section .eh_frame", size: section.size, limit: Self.limit)
        }
        let window = try image.window(atAddress: section.address, count: Int(section.size))
        var forms: [Address: PointerForm?] = [:]
        var found: [Range<Address>] = []
        var position = 0
        while let length = window.u32(position), let distance = window.u32(position + 4), length != .max {
            defer { position += 4 + Int(length) }
            // 0 ends what one object file brought; a common entry has the distance 0.
            guard length != 0, distance != 0, let pointer = section.address + UInt64(position + 4),
                let common = pointer - UInt64(distance)
            else { continue }
            if forms[common] == nil { forms[common] = .some(try image.pointerForm(ofCommonEntryAt: common)) }
            guard case .some(.some(let form)) = forms[common], let place = pointer + 4,
                let start = form.address(window, position + 8, at: place),
                let size = form.length(window, position + 8), size > 0, let end = start + size
            else { continue }
            found.append(start..<end)
        }
        ranges = found.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// The function that covers `address`; nil where none does.
    package func function(covering address: Address) -> Range<Address>? {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].lowerBound <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, ranges[low - 1].contains(address) else { return nil }
        return ranges[low - 1]
    }
}
