internal import ELFImage

extension FunctionTable {
    /// The table of a Go program; nil where there is none.
    static func find(in image: ELFImage, _ sections: GoSections) throws -> FunctionTable? {
        if let section = sections.table, let table = try FunctionTable(image, at: section.address) { return table }
        // Other files need not be searched.
        guard sections.areMissing ? try BuildInfo.address(in: image, sections) != nil : sections.tellOfGo else {
            return nil
        }
        // GNU ld puts it there in programs that can be loaded anywhere.
        if let section = sections.relocatedData, let part = image.searchable(section),
            let table = try search(image, part)
        {
            return table
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
