/// One program header (gABI, "Program Header").
public struct Segment: Sendable, Hashable {
    /// `p_type`: 1 load, 2 dynamic, 3 interpreter, 4 note, 0x6474e550 unwind table.
    public let type: UInt32
    public let fileOffset: UInt64
    /// As linked; position-independent files are moved by a constant when they are loaded.
    public let address: UInt64
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

    init?(_ window: Window, at position: Int) {
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
        self.fileOffset = fileOffset
        self.address = address
        self.fileSize = fileSize
        self.memorySize = memorySize
    }

    /// The file offset of a byte at `address`; nil where the segment has no file bytes there.
    public func offset(of address: UInt64) -> UInt64? {
        guard address >= self.address, address - self.address < fileSize else { return nil }
        return fileOffset.plus(address - self.address)
    }
}
