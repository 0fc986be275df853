internal import LibLZMA

extension ELFImage {
    /// Compressed bytes of embedded symbols that are read at most: those of the largest programs have a few MB.
    private static var compressedLimit: UInt64 { 32 << 20 }
    private static var decompressedLimit: Int { 48 << 20 }
    /// `xz -9` needs 65 MiB, for a dictionary that is touched as far as there is output.
    private static var decoderLimit: UInt64 { 80 << 20 }

    /// The file of symbols that stands compressed in this one (`.gnu_debugdata`, "MiniDebugInfo" of GDB's manual), as
    /// distributions of the Fedora family ship all their programs; nil where there is none. Mostly some ms for each MB.
    /// - Throws: `ELFError`, or what the source throws.
    func embeddedDebugFile() throws -> ELFImage? {
        let part = "the section .gnu_debugdata"
        guard let section = try SectionTable(of: self).first(named: ".gnu_debugdata"), section.size > 0 else {
            return nil
        }
        guard section.size <= Self.compressedLimit else {
            throw ELFError.tooLarge(part: part, size: section.size, limit: Self.compressedLimit)
        }
        var offset = section.offset
        var left = section.size
        do {
            let pieces = try XZ.decompress(memoryLimit: Self.decoderLimit, outputLimit: Self.decompressedLimit) {
                let bytes = try bytes(at: offset, count: Int(min(left, 64 << 10)))
                guard let next = offset + UInt64(bytes.count) else { return [] }
                offset = next
                left -= UInt64(bytes.count)
                return bytes
            }
            return try ELFImage(PieceSource(pieces))
        } catch let error as XZError {
            throw ELFError.damaged(part: part, problem: error.description)
        }
    }
}

/// Bytes in memory, in pieces as they were decompressed: joining them would take as much again.
private struct PieceSource: ByteSource {
    let pieces: [[UInt8]]
    let size: UInt64

    init(_ pieces: [[UInt8]]) {
        self.pieces = pieces
        size = UInt64(pieces.reduce(0) { $0 + $1.count })
    }

    func read(at offset: UInt64, count: Int) -> [UInt8] {
        guard offset < size, count > 0 else { return [] }
        var position = Int(offset)
        let end = position + min(count, Int(size) - position)
        var result: [UInt8] = []
        result.reserveCapacity(end - position)
        while position < end {
            let piece = pieces[position / XZ.pieceSize]
            let start = position % XZ.pieceSize
            let part = piece[start..<min(piece.count, start + end - position)]
            result += part
            position += part.count
        }
        return result
    }
}
