internal import LibLZMA

/// Where a file says that its debug information is (`.gnu_debuglink`; GDB's manual, "Debugging Information in Separate
/// Files").
struct DebugLink {
    /// A plain file name.
    let name: String
    /// Of the whole file of that name.
    let checksum: UInt32

    /// Nil where the file has no such section.
    /// - Throws: `ELFError`, or what the source throws.
    init?(of image: ELFImage) throws {
        let part = "the section .gnu_debuglink"
        guard let section = try SectionTable(of: image).first(named: ".gnu_debuglink") else { return nil }
        let nameLimit = 255
        let window = try image.window(at: section.offset, count: Int(min(section.size, UInt64(nameLimit) + 8)))
        guard let name = window.terminated(0, limit: nameLimit + 1) else {
            throw ELFError.damaged(part: part, problem: "its file name has no end")
        }
        // The checksum is aligned to 4 bytes.
        guard let checksum = window.u32((name.count + 4) & ~3) else { throw ELFError.truncated(part: part) }
        self.name = String(decoding: name, as: UTF8.self)
        self.checksum = checksum
        // A path would lead out of the folders that debug files are in.
        guard !name.isEmpty, !name.contains(UInt8(ascii: "/")), self.name != ".", self.name != ".." else {
            throw ELFError.damaged(part: part, problem: "it holds no file name")
        }
    }

    /// Where the file may be, in GDB's order.
    /// - Parameter path: Of the file with the link.
    func paths(for path: String) -> [String] {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        var paths = ["\(folder)\(name)", "\(folder).debug/\(name)"]
        if folder.hasPrefix("/") { paths.append("/usr/lib/debug\(folder)\(name)") }
        return paths.filter { $0 != path }
    }

    /// Larger files are not read for their checksum: some 0.1 s for 100 MB.
    private static let checkedSize: UInt64 = 256 << 20

    /// Whether a file is the one that the link means; nil where that would take too long.
    /// - Throws: What the source throws.
    func fits(_ source: any ByteSource) throws -> Bool? {
        guard source.size <= Self.checkedSize else { return nil }
        var sum = CRC32()
        var offset: UInt64 = 0
        while offset < source.size {
            let bytes = try source.readAtMost(256 << 10, at: offset)
            guard !bytes.isEmpty else { break }
            sum.add(bytes)
            offset += UInt64(bytes.count)
        }
        return sum.value == checksum
    }
}
