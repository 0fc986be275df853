internal import ELFImage

/// The version of the Go toolchain, as Go's linker writes it for `go version FILE` (src/debug/buildinfo).
enum BuildInfo {
    private static let mark: [UInt8] = [0xff] + Array(" Go buildinf:".utf8)
    private static let lengthLimit: UInt64 = 256

    /// Where its mark is; nil where there is none.
    static func address(in image: ELFImage, _ sections: GoSections) throws -> Address? {
        guard sections.areMissing else {
            guard let section = sections.buildInfo,
                try image.bytes(atAddress: section.address, count: mark.count) == mark
            else { return nil }
            return section.address
        }
        var result: Address?
        for part in image.searchable(code: false) {
            try image.forEachMatch(of: mark, in: part) { match in
                // Code that looks for the mark has it too, at other places.
                guard match.value % 16 == 0 else { return true }
                result = match
                return false
            }
            if result != nil { return result }
        }
        return nil
    }

    /// Such as `1.22.5`, or what else the toolchain calls itself; nil where it is missing.
    static func version(of image: ELFImage, _ sections: GoSections, _ relocations: RelativeRelocations) throws
        -> String?
    {
        guard let address = try address(in: image, sections) else { return nil }
        let window = try image.window(atAddress: address, count: 32 + 1 + Int(lengthLimit))
        guard let flags = window.u8(15) else { return nil }
        if flags & 2 != 0 {
            // From 1.18 on the text itself, behind its length as a variable-length number.
            guard let low = window.u8(32), let high = window.u8(33) else { return nil }
            let length = low < 128 ? Int(low) : Int(low & 127) | Int(high) << 7
            let start = low < 128 ? 33 : 34
            guard length > 0, start + length <= window.count else { return nil }
            return text(window.bytes[start..<(start + length)])
        }
        // Before that a pointer to pointer and length.
        guard let pointer = address + 16,
            let string = try image.relocatedWords(at: pointer, count: 1, relocations).first
        else { return nil }
        let words = try image.relocatedWords(at: Address(string), count: 2, relocations)
        guard words.count == 2, (1...lengthLimit).contains(words[1]),
            let bytes = try image.bytes(atAddress: Address(words[0]), count: Int(words[1])),
            bytes.count == Int(words[1])
        else { return nil }
        return text(bytes[...])
    }

    /// Nil for what no toolchain writes.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("go") ? String(text.dropFirst(2)) : text
    }
}
