extension ELFImage {
    /// Words of the program's data as the loader leaves them, if it loads the file where it was linked to.
    ///
    /// Position-independent files keep addresses in relocations of the kind "relative". GNU ld leaves the word itself 0
    /// (RELA); with RELR, and with Go's own linker, the word holds the address already.
    /// - Returns: For each address as many numbers as the file has whole words there, at most `count`.
    /// - Throws: `ELFError`, or what the source throws.
    package func relocatedWords(
        at addresses: [Address], count: Int, _ relocations: RelativeRelocations
    ) throws -> [[UInt64]] {
        let size = encoding.wordSize
        var result = try addresses.map { address in
            let window = try window(atAddress: address, count: count * size)
            return (0..<(window.count / size)).compactMap { window.word($0 * size) }
        }
        guard let first = addresses.min(), let last = addresses.max() else { return [] }
        let places = first...(last + UInt64(count * size) ?? last)
        try relocations.visit { place, value in
            guard places.contains(place) else { return }
            for (index, address) in addresses.enumerated() {
                guard let distance = place.distance(from: address) else { continue }
                let (word, rest) = distance.quotientAndRemainder(dividingBy: UInt64(size))
                if rest == 0, word < result[index].count { result[index][Int(word)] = value }
            }
        }
        return result
    }

    package func relocatedWords(at address: Address, count: Int, _ relocations: RelativeRelocations) throws -> [UInt64]
    {
        try relocatedWords(at: [address], count: count, relocations).first ?? []
    }

    /// None where the file is for another machine than those that sniscope runs on.
    package func relativeRelocations() throws -> RelativeRelocations {
        let type: UInt64? =
            switch machine {
            case .amd64: 8
            case .arm64: 1027
            case .other: nil
            }
        guard let type, let dynamic = try dynamicSection(names: false), let table = dynamic.relocations,
            let size = dynamic.relocationsSize
        else { return RelativeRelocations(image: self, table: 0, size: 0, type: 0) }
        return RelativeRelocations(image: self, table: table, size: size, type: type)
    }
}

/// The relative relocations of a file's RELA table (gABI, "Relocation"), read in windows each time.
package struct RelativeRelocations: Sendable {
    fileprivate let image: ELFImage
    fileprivate let table: Address
    fileprivate let size: UInt64
    fileprivate let type: UInt64

    private static let entrySize = 24
    /// Chromium has 14 MB, Go programs of 100 MB some 10.
    private static let byteLimit: UInt64 = 128 << 20

    /// Calls `body` with the address of each word and what the loader writes there.
    /// - Throws: `ELFError`, or what the source throws.
    package func visit(_ body: (_ place: Address, _ value: UInt64) -> Void) throws {
        let part = "the relocation table"
        guard size <= Self.byteLimit else {
            throw ELFError.tooLarge(part: part, size: size, limit: Self.byteLimit)
        }
        let perWindow = (256 << 10) / Self.entrySize * Self.entrySize
        var done: UInt64 = 0
        while done < size {
            guard let address = table + done else { break }
            let window = try image.window(atAddress: address, count: Int(min(UInt64(perWindow), size - done)))
            for position in stride(from: 0, to: window.count, by: Self.entrySize) {
                guard let place = window.u64(position), let info = window.u64(position + 8),
                    let value = window.u64(position + 16)
                else { break }
                // The upper half of `info` is a symbol, which relative relocations have none of.
                if info == type { body(Address(place), value) }
            }
            guard window.count == perWindow else { break }
            done += UInt64(perWindow)
        }
    }
}
