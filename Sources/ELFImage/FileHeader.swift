/// Where the section headers are said to be.
struct SectionHeaders: Sendable, Hashable {
    let offset: FileOffset
    let entrySize: UInt16
    let count: UInt16
    /// Index of the section that holds their names.
    let names: UInt16
}

/// The fields of the ELF header that are used (gABI, "ELF Header").
struct FileHeader {
    let encoding: Encoding
    let kind: ELFImage.Kind
    let machine: UInt16
    let segmentOffset: FileOffset
    let segmentSize: UInt16
    let segmentCount: UInt16
    let sections: SectionHeaders

    /// - Parameter head: The file's beginning, magic number checked.
    init(_ head: [UInt8]) throws(ELFError) {
        let part = "the ELF header"
        guard head.count >= 16 else { throw .truncated(part: part) }
        guard head[4] == 1 || head[4] == 2 else {
            throw .damaged(part: part, problem: "its class is \(head[4]), neither 32-bit (1) nor 64-bit (2)")
        }
        guard head[5] == 1 || head[5] == 2 else {
            throw .damaged(part: part, problem: "its byte order is \(head[5]), neither little (1) nor big (2)")
        }
        let encoding = Encoding(is64Bit: head[4] == 2, isBigEndian: head[5] == 2)
        let window = Window(bytes: head, encoding: encoding)
        let word = encoding.wordSize
        // e_entry, e_phoff and e_shoff are words; e_flags (4) and e_ehsize (2) follow.
        let tail = 24 + 3 * word + 6
        guard let type = window.u16(16), let machine = window.u16(18),
            let segmentOffset = window.word(24 + word), let sectionOffset = window.word(24 + 2 * word),
            let segmentSize = window.u16(tail), let segmentCount = window.u16(tail + 2),
            let sectionSize = window.u16(tail + 4), let sectionCount = window.u16(tail + 6),
            let sectionNames = window.u16(tail + 8)
        else { throw .truncated(part: part) }
        self.encoding = encoding
        self.machine = machine
        self.segmentOffset = FileOffset(segmentOffset)
        self.segmentSize = segmentSize
        self.segmentCount = segmentCount
        sections = SectionHeaders(
            offset: FileOffset(sectionOffset), entrySize: sectionSize, count: sectionCount, names: sectionNames)
        kind =
            switch type {
            case 1: .relocatable
            case 2: .executable
            case 3: .shared
            case 4: .core
            default: .other
            }
    }
}
