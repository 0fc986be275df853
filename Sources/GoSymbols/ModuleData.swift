internal import ELFImage

/// Where a program's text starts, by `runtime.moduledata` (Go's src/runtime/symtab.go): what entries count from.
///
/// Not the section `.text`: with cgo, C code stands before Go's there. Not the table's header alone: it has 0 from Go
/// 1.26 on.
enum ModuleData {
    /// Words from its beginning, the same from 1.16 to 1.27: the pointer to the header, six slices of three words,
    /// `findfunctab`, `minpc`, `maxpc`, `text`, `etext`.
    private static let wordCount = 24
    private static let candidateLimit = 64

    /// Nil where no data of the program is what the runtime must have.
    static func textStart(
        of table: FunctionTable, in image: ELFImage, _ relocations: RelativeRelocations
    ) throws -> Address? {
        var relocated: [Address] = []
        try relocations.visit { place, value in
            if Address(value) == table.address, place.value % 8 == 0, relocated.count < candidateLimit {
                relocated.append(place)
            }
        }
        if let start = try textStart(relocated, table, image, relocations) { return start }
        return try textStart(inPlace(table, image), table, image, relocations)
    }

    private static func textStart(
        _ candidates: [Address], _ table: FunctionTable, _ image: ELFImage, _ relocations: RelativeRelocations
    ) throws -> Address? {
        guard !candidates.isEmpty else { return nil }
        for words in try image.relocatedWords(at: candidates, count: wordCount, relocations) {
            guard words.count == wordCount, words[0] == table.address.value, words[1] == table.names.lowerBound.value,
                words[2] <= table.names.size,
                words[13] == table.descriptions.value, words[16] == table.pairs.value, words[17] == table.count + 1
            else { continue }
            let (first, last, text, end) = (words[20], words[21], words[22], words[23])
            guard text <= first, first < last, last <= end,
                image.segment(containing: Address(text))?.isExecutable == true
            else { continue }
            return Address(text)
        }
        return nil
    }

    /// Words of the file that point to the table's header.
    private static func inPlace(_ table: FunctionTable, _ image: ELFImage) throws -> [Address] {
        var result: [Address] = []
        let pattern = (0..<8).map { UInt8(truncatingIfNeeded: table.address.value >> ($0 * 8)) }
        for part in image.searchable(code: false) {
            try image.forEachAlignedMatch(of: pattern, alignment: 8, in: part) { match in
                result.append(match)
                return result.count < candidateLimit
            }
        }
        return result
    }
}
