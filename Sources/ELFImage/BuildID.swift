extension ELFImage {
    /// The GNU build ID in hexadecimal, from the note segments; nil where the linker wrote none. It names a build, not
    /// a file: stripped and unstripped copies share it, and some builds share it between architectures.
    public func buildID() throws -> String? {
        // A note is 36 bytes; some tools put their own, larger ones into the same segment.
        var budget: UInt64 = 1 << 20
        for segment in segments where segment.type == Segment.note {
            let size = min(segment.fileSize, budget)
            budget -= size
            let window = try window(at: segment.fileOffset, count: Int(size))
            if let identifier = Self.buildID(in: window) { return Self.hexadecimal(identifier) }
        }
        return nil
    }

    /// As `buildID()`, by the section headers: files of debug information keep the program headers of the file that they
    /// were made from, and some tools do not fit the offsets in them.
    func buildIDOfDebugFile() throws -> String? {
        var budget: UInt64 = 1 << 20
        for section in try SectionTable(of: self).all(ofType: Section.note) {
            let size = min(section.size, budget)
            budget -= size
            let window = try window(at: section.offset, count: Int(size))
            if let identifier = Self.buildID(in: window) { return Self.hexadecimal(identifier) }
        }
        return nil
    }

    private static func buildID(in notes: Window) -> ArraySlice<UInt8>? {
        var position = 0
        while let nameSize = notes.u32(position), let size = notes.u32(position + 4),
            let type = notes.u32(position + 8)
        {
            let name = position + 12
            // Sizes are at most the window's, so that sums of them fit.
            guard nameSize <= notes.count, size <= notes.count else { return nil }
            let start = name + padded(Int(nameSize))
            let end = start + Int(size)
            guard end <= notes.count else { return nil }
            let isGNU = nameSize == 4 && notes.bytes[name..<(name + 4)].elementsEqual([0x47, 0x4e, 0x55, 0])
            if isGNU && type == 3 && (1...64).contains(size) { return notes.bytes[start..<end] }
            position = start + padded(Int(size))
        }
        return nil
    }

    /// Notes are aligned to 4 bytes. `.note.gnu.property` alone is aligned to 8, and its fields already are.
    private static func padded(_ size: Int) -> Int { (size + 3) & ~3 }

    private static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
