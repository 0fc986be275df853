extension ELFImage {
    /// Words of the program's data as the loader leaves them, if it loads the file where it was linked to.
    ///
    /// Position-independent files keep addresses in relocations of the kind "relative". GNU ld leaves the word itself 0
    /// (RELA, AMD64 and ARM64 only); with RELR and with Go's own linker the word holds the address already.
    /// - Returns: One number for each whole word that the file has there.
    /// - Throws: `ELFError`, or what the source throws.
    package func relocatedWords(at address: UInt64, count: Int, _ relocations: RelativeRelocations) throws -> [UInt64] {
        let window = try window(atAddress: address, count: count * encoding.wordSize)
        var words = (0..<(window.count / encoding.wordSize)).compactMap { window.word($0 * encoding.wordSize) }
        let size = UInt64(encoding.wordSize)
        try relocations.visit { place, value in
            guard place >= address, (place - address) % size == 0, (place - address) / size < words.count else {
                return
            }
            words[Int((place - address) / size)] = value
        }
        return words
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
    fileprivate let table: UInt64
    fileprivate let size: UInt64
    fileprivate let type: UInt64

    private static let entrySize = 24
    /// Chromium has 14 MB, Go programs of 100 MB some 10.
    private static let byteLimit: UInt64 = 128 << 20

    /// Calls `body` with the address of each word and what the loader writes there.
    /// - Throws: `ELFError`, or what the source throws.
    package func visit(_ body: (_ place: UInt64, _ value: UInt64) -> Void) throws {
        let part = "the relocation table"
        guard size <= Self.byteLimit else {
            throw ELFError.tooLarge(part: part, size: size, limit: Self.byteLimit)
        }
        let perWindow = (256 << 10) / Self.entrySize * Self.entrySize
        var done: UInt64 = 0
        while done < size {
            guard let address = table.plus(done) else { break }
            let window = try image.window(atAddress: address, count: Int(min(UInt64(perWindow), size - done)))
            for position in stride(from: 0, to: window.count, by: Self.entrySize) {
                guard let place = window.u64(position), let info = window.u64(position + 8),
                    let value = window.u64(position + 16)
                else { break }
                // The upper half of `info` is a symbol, which relative relocations have none of.
                if info == type { body(place, value) }
            }
            guard window.count == perWindow else { break }
            done += UInt64(perWindow)
        }
    }
}
