internal import CLZMA

/// The .xz format, read piece by piece. Its bytes may come from anywhere: memory and output are bounded.
public enum XZ {
    /// Of the pieces that `decompress` gives, in bytes; the last one may be shorter.
    public static let pieceSize = 256 << 10

    /// Decompresses one stream; what follows it is not read.
    /// - Parameters:
    ///   - memoryLimit: Of the decoder, in bytes: the stream's header says what it needs, mostly for the dictionary.
    ///   - outputLimit: Bytes.
    ///   - input: The next bytes; none at the end.
    /// - Returns: Pieces of `pieceSize`.
    /// - Throws: `XZError`, or what `input` throws.
    public static func decompress(
        memoryLimit: UInt64, outputLimit: Int, input: () throws -> [UInt8]
    ) throws -> [[UInt8]] {
        // All zeroes: LZMA_STREAM_INIT.
        var stream = lzma_stream()
        var status = lzma_stream_decoder(&stream, memoryLimit, 0)
        defer { lzma_end(&stream) }
        var pieces: [[UInt8]] = []
        var compressed: [UInt8] = []
        var consumed = 0
        while status == LZMA_OK {
            let piece = try [UInt8](unsafeUninitializedCapacity: pieceSize) { target, filled in
                while status == LZMA_OK, filled < pieceSize {
                    if consumed == compressed.count {
                        compressed = try input()
                        consumed = 0
                    }
                    compressed.withUnsafeBufferPointer { source in
                        stream.next_in = source.baseAddress?.advanced(by: consumed)
                        stream.avail_in = source.count - consumed
                        stream.next_out = target.baseAddress?.advanced(by: filled)
                        stream.avail_out = pieceSize - filled
                        // A second call that can't go on gives LZMA_BUF_ERROR: the loop ends.
                        status = lzma_code(&stream, source.isEmpty ? LZMA_FINISH : LZMA_RUN)
                        consumed = source.count - stream.avail_in
                        filled = pieceSize - stream.avail_out
                    }
                }
            }
            guard pieces.count * pieceSize + piece.count <= outputLimit else { throw XZError.tooLarge(outputLimit) }
            if !piece.isEmpty { pieces.append(piece) }
        }
        guard status == LZMA_STREAM_END else { throw XZError(status) }
        return pieces
    }
}

/// Why a stream can't be decompressed. The description is a clause.
public enum XZError: Error, Sendable, Equatable, CustomStringConvertible {
    case notXZ
    case truncated
    case damaged
    /// It uses something that liblzma does not know.
    case unsupported
    /// The decoder would need more than it may have.
    case needsMemory
    /// It holds more than so many bytes.
    case tooLarge(Int)

    init(_ status: lzma_ret) {
        self =
            switch status {
            case LZMA_FORMAT_ERROR: .notXZ
            case LZMA_BUF_ERROR: .truncated
            case LZMA_OPTIONS_ERROR, LZMA_UNSUPPORTED_CHECK: .unsupported
            case LZMA_MEM_ERROR, LZMA_MEMLIMIT_ERROR: .needsMemory
            default: .damaged
            }
    }

    public var description: String {
        switch self {
        case .notXZ: "it is not in the format of xz"
        case .truncated: "it is cut off"
        case .damaged: "its checksum or contents are wrong"
        case .unsupported: "it uses a filter that is not supported"
        case .needsMemory: "decompressing it takes more memory than is allowed"
        case .tooLarge(let limit): "it holds more than \(limit) bytes"
        }
    }
}
