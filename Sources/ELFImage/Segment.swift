/// One program header (gABI, "Program Header").
public struct Segment: Sendable, Hashable {
    /// `p_type`: 1 load, 2 dynamic, 3 interpreter, 4 note, 0x6474e550 unwind table.
    public let type: UInt32
    public let fileOffset: FileOffset
    /// As linked; position-independent files are moved by a constant when they are loaded.
    public let address: Address
    /// Bytes in the file.
    public let fileSize: UInt64
    /// Bytes in memory; what goes beyond `fileSize` is zero.
    public let memorySize: UInt64
    let flags: UInt32

    package static let load: UInt32 = 1
    static let dynamic: UInt32 = 2
    static let interpreter: UInt32 = 3
    package static let note: UInt32 = 4
    static let unwindTable: UInt32 = 0x6474_e550

    /// Whether it becomes memory of the program.
    public var isLoaded: Bool { type == Self.load }
    public var isExecutable: Bool { flags & 1 != 0 }
    public var isWritable: Bool { flags & 2 != 0 }
    public var isReadable: Bool { flags & 4 != 0 }

    /// Bytes of a program header.
    static func headerSize(_ encoding: Encoding) -> Int { encoding.is64Bit ? 56 : 32 }

    /// Nil for what is no use: it ends beyond what a file or the address space can have. So the ends of all others can be
    /// computed, and their sizes are an `Int` too.
    /// - Throws: `ELFError` where the kernel would refuse the program for it (fs/binfmt_elf.c, `load_elf_binary`).
    init?(_ window: Window, at position: Int) throws(ELFError) {
        let is64Bit = window.encoding.is64Bit
        guard let type = window.u32(position),
            let flags = window.u32(position + (is64Bit ? 4 : 24)),
            let fileOffset = window.word(position + (is64Bit ? 8 : 4)),
            let address = window.word(position + (is64Bit ? 16 : 8)),
            let fileSize = window.word(position + (is64Bit ? 32 : 16)),
            let memorySize = window.word(position + (is64Bit ? 40 : 20))
        else { return nil }
        self.type = type
        self.flags = flags
        self.fileOffset = FileOffset(fileOffset)
        self.address = Address(address)
        self.fileSize = fileSize
        self.memorySize = memorySize
        guard let end = self.fileOffset + fileSize, end <= FileOffset.last, self.address + fileSize != nil,
            self.address + memorySize != nil
        else {
            guard type != Self.load else {
                throw .damaged(part: "the program header table", problem: "a segment's end lies nowhere")
            }
            return nil
        }
    }

    /// The file offset of a byte at `address`; nil where the segment has no file bytes there.
    public func offset(of address: Address) -> FileOffset? {
        bytes(from: address)?.lowerBound
    }

    /// The segment's file bytes from `address` on; nil where it has none there.
    package func bytes(from address: Address) -> Range<FileOffset>? {
        guard let distance = address.distance(from: self.address), distance < fileSize,
            let start = fileOffset + distance, let end = fileOffset + fileSize
        else { return nil }
        return start..<end
    }
}
