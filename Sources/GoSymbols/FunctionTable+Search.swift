internal import ELFImage
internal import OS

extension FunctionTable {
    /// The table of a Go program; nil where there is none.
    static func find(in image: ELFImage) throws -> FunctionTable? {
        for section in try image.sections(named: [".gopclntab"]) {
            if let table = try FunctionTable(image, at: section.address) { return table }
        }
        guard try GoMark.isPresent(in: image) else { return nil }
        // GNU ld puts it there in programs that can be loaded anywhere.
        for section in try image.sections(named: [".data.rel.ro"]) {
            guard let segment = image.segment(containing: section.address),
                let end = section.address.plus(section.size), section.size > 0
            else { continue }
            if let table = try search(image, segment, section.address..<end) { return table }
        }
        for segment in image.loadedDataFirst {
            if let table = try search(image, segment) { return table }
        }
        return nil
    }

    private static func search(
        _ image: ELFImage, _ segment: Segment, _ range: Range<UInt64>? = nil
    ) throws -> FunctionTable? {
        // The same in all layouts: the magic number's upper bytes and the padding.
        let common: [UInt8] = [0xff, 0xff, 0xff, 0, 0]
        var result: FunctionTable?
        try image.forEachMatch(of: common, in: segment, range) { match in
            guard match % 8 == 1 else { return true }
            result = try FunctionTable(image, at: match - 1)
            return result == nil
        }
        return result
    }
}

/// What Go's linker leaves in each program, so that other files need not be searched.
enum GoMark {
    static func isPresent(in image: ELFImage) throws -> Bool {
        guard try image.hasSectionNames() else { return try BuildInfo.address(in: image) != nil }
        return try !image.sections(named: [".go.buildinfo", ".note.go.buildid", ".gosymtab"]).isEmpty
    }
}

extension ELFImage {
    /// The segments that hold bytes of the file, data that nobody writes first, code last.
    var loadedDataFirst: [Segment] {
        let loaded = segments.filter { $0.type == Segment.load && $0.isReadable && $0.fileSize > 0 }
        return loaded.filter { !$0.isExecutable && !$0.isWritable }
            + loaded.filter { !$0.isExecutable && $0.isWritable }
            + loaded.filter(\.isExecutable)
    }

    /// Calls `body` with the address of each match of a pattern in a segment, in ascending order, until it says false.
    /// - Parameter range: Where matches may begin; the whole segment where nil.
    func forEachMatch(
        of pattern: [UInt8], in segment: Segment, _ range: Range<UInt64>? = nil, _ body: (UInt64) throws -> Bool
    ) throws {
        let windowSize = 256 << 10
        let limit: UInt64 = 256 << 20
        guard let segmentEnd = segment.address.plus(segment.fileSize) else { return }
        var address = max(segment.address, range?.lowerBound ?? 0)
        let end = min(segmentEnd, range?.upperBound ?? .max, address.plus(limit) ?? .max)
        while address < end {
            // Windows overlap so that each match lies whole in one of them.
            let count = Int(min(UInt64(windowSize + pattern.count - 1), end - address))
            guard let offset = segment.offset(of: address) else { return }
            let bytes = try bytes(at: offset, count: count)
            var next = 0
            while let match = ByteSearch.firstIndex(of: pattern, in: bytes, from: next) {
                guard try body(address + UInt64(match)) else { return }
                next = match + 1
            }
            guard bytes.count == count, let following = address.plus(UInt64(windowSize)) else { return }
            address = following
        }
    }
}
