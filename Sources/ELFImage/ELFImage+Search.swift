internal import OS

extension ELFImage {
    /// The segments that hold string literals: what the program can only read, mostly. One object whose `.rodata` is
    /// writable makes all of it so in what gold links, and Swift on Linux has such objects: data that it could write, too.
    ///
    /// Executable segments only where there is no other read-only one (linkers before 2018, gold): code may be hundreds of
    /// MB.
    package var textSegments: [Segment] {
        let loaded = segments.filter { $0.type == Segment.load && $0.isReadable }
        let data = loaded.filter { !$0.isExecutable }
        return data.contains { !$0.isWritable } ? data : loaded
    }

    /// Bytes; the largest browsers have half as much beside their code.
    public static var searchLimit: UInt64 { 256 << 20 }

    /// Finds a byte string in `textSegments`.
    /// - Parameters:
    ///   - following: How many of the bytes after a match to give.
    ///   - matchLimit: How many matches to give at most.
    ///   - byteLimit: How many bytes to search at most.
    /// - Returns: What follows each match, in the file's order, shorter at a segment's end.
    public func matches(
        of pattern: [UInt8], following: Int, matchLimit: Int = 256, byteLimit: UInt64 = searchLimit
    ) throws -> [[UInt8]] {
        guard !pattern.isEmpty, following >= 0 else { return [] }
        var result: [[UInt8]] = []
        var budget = byteLimit
        for segment in textSegments {
            var offset = segment.fileOffset
            var left = min(segment.fileSize, budget)
            budget -= left
            // Windows overlap by what a match and its following bytes need, so that each lies whole in one of them.
            let overlap = pattern.count + following
            let stride = max(256 << 10, overlap)
            while left > 0 {
                let bytes = try bytes(at: offset, count: Int(min(UInt64(stride + overlap), left)))
                var from = 0
                while let start = ByteSearch.firstIndex(of: pattern, in: bytes, from: from), start < stride {
                    from = start + 1
                    let end = start + pattern.count
                    result.append(Array(bytes[end..<min(end + following, bytes.count)]))
                    if result.count == matchLimit { return result }
                }
                guard bytes.count > stride, let next = offset + UInt64(stride) else { break }
                offset = next
                left -= UInt64(stride)
            }
        }
        return result
    }

    /// Which of some texts stand in `textSegments`: one pass for all.
    package func present(among texts: Set<String>) throws -> Set<String> {
        var missing = texts.map { (text: $0, bytes: Array($0.utf8)) }.filter { !$0.bytes.isEmpty }
        let overlap = missing.map(\.bytes.count).max() ?? 0
        var result: Set<String> = []
        // Segments may overlap, thousands of times.
        var budget = Self.searchLimit
        for segment in textSegments {
            var done: UInt64 = 0
            while done < segment.fileSize, budget > 0, !missing.isEmpty, let offset = segment.fileOffset + done {
                let bytes = try bytes(at: offset, count: Int(min(1 << 20, segment.fileSize - done)))
                missing.removeAll { text in
                    guard ByteSearch.firstIndex(of: text.bytes, in: bytes, from: 0) != nil else { return false }
                    result.insert(text.text)
                    return true
                }
                guard bytes.count > overlap else { break }
                budget -= min(budget, UInt64(bytes.count))
                done += UInt64(bytes.count - overlap)
            }
        }
        return result
    }
}
