extension ELFImage {
    /// The loadable segment whose file bytes hold `address`. Where segments overlap the last one wins, as when the
    /// loader maps them one after the other.
    public func segment(containing address: Address) -> Segment? {
        segments.last { $0.type == Segment.load && $0.offset(of: address) != nil }
    }

    /// The file offset of the byte at `address`; nil where no segment takes it from the file, or the file is too
    /// short.
    public func fileOffset(of address: Address) -> FileOffset? {
        guard let offset = segment(containing: address)?.offset(of: address), offset.value < source.size else {
            return nil
        }
        return offset
    }

    /// At most `count` bytes from `address`, not beyond the segment's file bytes; nil where there are none.
    public func bytes(atAddress address: Address, count: Int) throws -> [UInt8]? {
        guard count > 0, let segment = segment(containing: address), let bytes = segment.bytes(from: address) else {
            return nil
        }
        return try self.bytes(at: bytes.lowerBound, count: Int(min(UInt64(count), bytes.size)))
    }

    /// As `bytes(atAddress:count:)`; empty where there is nothing.
    package func window(atAddress address: Address, count: Int) throws -> Window {
        Window(bytes: try bytes(atAddress: address, count: count) ?? [], encoding: encoding)
    }

    /// The loader that the kernel starts with this program (`PT_INTERP`), such as `/lib64/ld-linux-x86-64.so.2`;
    /// nil for libraries and static programs.
    public func interpreter() throws -> String? {
        guard let segment = segments.first(where: { $0.type == Segment.interpreter }) else { return nil }
        let limit = 4096
        let window = try window(at: segment.fileOffset, count: Int(min(segment.fileSize, UInt64(limit))))
        guard let path = window.terminated(0, limit: limit), !path.isEmpty else {
            throw ELFError.damaged(part: "the interpreter's name", problem: "it is empty or has no end")
        }
        return String(decoding: path, as: UTF8.self)
    }
}
