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
        for segment in image.segments where segment.isLoaded && segment.isExecutable {
            var done: UInt64 = 0
            while done < segment.fileSize {
                let count = Int(min(UInt64(Self.size + overlap), segment.fileSize - done))
                let bytes = try image.bytes(at: segment.fileOffset &+ done, count: count)
                guard !bytes.isEmpty else { break }
                let own = min(Self.size, bytes.count)
                try body(CodeBytes(machine: machine, address: segment.address &+ done, bytes: bytes), own)
                done += UInt64(own)
            }
        }
    }

    /// The code in a range, shorter where the file ends; nil where there is none.
    func code(_ range: Range<UInt64>) throws -> CodeBytes? {
        guard let segment = image.segment(containing: range.lowerBound), segment.isExecutable,
            let bytes = try image.bytes(
                atAddress: range.lowerBound, count: Int(min(range.upperBound - range.lowerBound, 1 << 24)))
        else { return nil }
        return CodeBytes(machine: machine, address: range.lowerBound, bytes: bytes)
    }
}
