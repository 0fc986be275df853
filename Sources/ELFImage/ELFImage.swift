/// One ELF file, read in small windows. It believes nothing: every offset, size and count is checked against the
/// file, and what can't be checked is bounded.
///
/// Program headers lead, as they do for the kernel and the loader: section headers may be missing or wrong.
///
/// Not libelf: the first look at a file costs two or three reads of a few KB here, needs no C pointers, and what hostile
/// bytes can do is bounded by Swift's checks.
public struct ELFImage: Sendable {
    /// What the file is linked as, from `e_type`.
    public enum Kind: Sendable, Hashable {
        case executable, shared, relocatable, core, other
    }

    public let source: any ByteSource
    public let machine: Machine
    public let kind: Kind
    /// All program headers, in the file's order.
    public let segments: [Segment]
    package let encoding: Encoding
    let sectionHeaders: SectionHeaders
    /// The file's first bytes: headers, and often the hash table, are served from here without another read.
    private let head: [UInt8]

    private static let headSize = 4096
    /// Real files have 5 to 20. Cores have thousands, and from 65,535 on count elsewhere (`PN_XNUM`); nobody traces
    /// those.
    private static let segmentLimit: UInt16 = 4096

    /// Reads the header and the program headers.
    /// - Throws: `ELFError`, or what `source` throws.
    public init(_ source: any ByteSource) throws {
        let head = try source.readAtMost(Self.headSize, at: 0)
        guard head.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { throw ELFError.notELF }
        let header = try FileHeader(head)
        self.source = source
        self.head = head
        encoding = header.encoding
        machine = Machine(number: header.machine, encoding: header.encoding)
        kind = header.kind
        sectionHeaders = header.sections
        segments = try Self.segments(header, source, head)
    }

    private static func segments(
        _ header: FileHeader, _ source: any ByteSource, _ head: [UInt8]
    ) throws -> [Segment] {
        guard header.segmentCount > 0 else { return [] }
        let size = Segment.headerSize(header.encoding)
        guard Int(header.segmentSize) == size else {
            throw ELFError.damaged(
                part: "the ELF header", problem: "program headers of \(header.segmentSize) bytes, not \(size)")
        }
        let part = "the program header table"
        guard header.segmentCount <= segmentLimit else {
            throw ELFError.tooLarge(part: part, size: UInt64(header.segmentCount), limit: UInt64(segmentLimit))
        }
        let count = Int(header.segmentCount)
        let bytes = try read(source, head, at: header.segmentOffset, count: count * size)
        guard bytes.count == count * size else { throw ELFError.truncated(part: part) }
        let window = Window(bytes: bytes, encoding: header.encoding)
        return try (0..<count).compactMap { try Segment(window, at: $0 * size) }
    }

    private static func read(
        _ source: any ByteSource, _ head: [UInt8], at offset: FileOffset, count: Int
    ) throws -> [UInt8] {
        guard offset.value < source.size, count > 0 else { return [] }
        if let start = Int(exactly: offset.value), start < head.count, count <= head.count - start {
            return Array(head[start..<(start + count)])
        }
        return try source.readAtMost(count, at: offset.value)
    }

    /// At most `count` bytes from a file offset; fewer at the end of the file.
    public func bytes(at offset: FileOffset, count: Int) throws -> [UInt8] {
        try Self.read(source, head, at: offset, count: count)
    }
}

extension ELFImage {
    package func window(at offset: FileOffset, count: Int) throws -> Window {
        Window(bytes: try bytes(at: offset, count: count), encoding: encoding)
    }

    /// As `window(at:count:)`; a short read is an error that names `part`.
    package func exactWindow(at offset: FileOffset, count: Int, _ part: String) throws -> Window {
        let window = try window(at: offset, count: count)
        guard window.count >= count else { throw ELFError.truncated(part: part) }
        return window
    }
}
