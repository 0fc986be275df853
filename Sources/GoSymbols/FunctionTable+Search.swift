internal import ELFImage

extension FunctionTable {
    /// The table of a Go program; nil where there is none.
    static func find(in image: ELFImage) throws -> FunctionTable? {
        for section in try image.sections(named: [".gopclntab"]) ?? [] {
            if let table = try FunctionTable(image, at: section.address) { return table }
        }
        guard try GoMark.isPresent(in: image) else { return nil }
        // GNU ld puts it there in programs that can be loaded anywhere.
        for section in try image.sections(named: [".data.rel.ro"]) ?? [] {
            if let part = image.searchable(section), let table = try search(image, part) { return table }
        }
        for part in image.searchable(code: true) {
            if let table = try search(image, part) { return table }
        }
        return nil
    }

    private static func search(_ image: ELFImage, _ part: SearchRange) throws -> FunctionTable? {
        // The same in all layouts: the magic number's upper bytes and the padding.
        let common: [UInt8] = [0xff, 0xff, 0xff, 0, 0]
        var result: FunctionTable?
        // Go's linker aligns the table to 32 bytes, since 1.26 to 16, since 1.27 to 8.
        try image.forEachAlignedMatch(of: common, distance: 1, alignment: 8, in: part) { address in
            result = try FunctionTable(image, at: address)
            return result == nil
        }
        return result
    }
}

/// What Go's linker leaves in each program, so that other files need not be searched.
enum GoMark {
    static func isPresent(in image: ELFImage) throws -> Bool {
        if let sections = try image.sections(named: [".go.buildinfo", ".note.go.buildid", ".gosymtab"]) {
            return !sections.isEmpty
        }
        return try BuildInfo.address(in: image) != nil
    }
}
