internal import ELFImage

/// The code of a file in windows, since it may be hundreds of MB.
struct CodeWindows {
    let image: ELFImage
    let machine: CodeMachine

    private static let size = 1 << 20

    init?(_ image: ELFImage) {
        guard let machine = CodeMachine(image.machine) else { return nil }
        self.image = image
        self.machine = machine
    }

    /// Calls `body` with each window and the number of its bytes that are its own: what follows belongs to the next
    /// one too, so that whatever begins in a window lies whole in it.
    /// - Parameter overlap: Bytes.
    /// - Throws: What the source and `body` throw.
    func forEach(overlap: Int, _ body: (CodeBytes, Int) throws -> Void) throws {
        for segment in image.searchable(image.segments.filter { $0.isLoaded && $0.isExecutable }) {
            var done: UInt64 = 0
            while done < segment.fileSize {
                let count = Int(min(UInt64(Self.size + overlap), segment.fileSize - done))
                let bytes = try image.bytes(in: segment, at: done, count: count)
                guard !bytes.isEmpty else { break }
                let own = min(Self.size, bytes.count)
                try body(CodeBytes(machine: machine, address: segment.address &+ done, bytes: bytes), own)
                done += UInt64(own)
            }
        }
    }

    /// The code from an address on, shorter where the segment or the file ends; nil where there is none.
    func code(at address: Address, count: Int) throws -> CodeBytes? {
        guard let segment = image.segment(containing: address), segment.isExecutable, segment.hasPossibleAddresses,
            let bytes = try image.bytes(atAddress: address, count: count)
        else { return nil }
        return CodeBytes(machine: machine, address: address, bytes: bytes)
    }
}

extension ELFImage {
    /// At most `count` bytes of a segment; fewer at the end of the file.
    func bytes(in segment: Segment, at distance: UInt64, count: Int) throws -> [UInt8] {
        guard let offset = segment.fileOffset + distance else { return [] }
        return try bytes(at: offset, count: count)
    }

    /// Of segments those that are worth a search: at addresses that a program can have, and together not much larger
    /// than the file, as they are in real files. A file can say of itself that all of it is mapped thousands of times.
    func searchable(_ segments: [Segment]) -> [Segment] {
        var left = 2 * min(source.size, 1 << 62)
        return segments.filter { segment in
            let size = min(segment.fileSize, source.size)
            guard segment.hasPossibleAddresses, size <= left else { return false }
            left -= size
            return true
        }
    }
}

extension Segment {
    /// With five levels of page tables user space ends at 2^56.
    fileprivate var hasPossibleAddresses: Bool { address.value < 1 << 56 && fileSize < 1 << 56 }
}
