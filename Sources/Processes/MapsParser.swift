/// Reads /proc/PID/maps, proc_pid_maps(5): `start-end perms offset major:minor inode   path`.
///
/// Only executable mappings of files matter here, about one line in six, and a scan reads the maps of every process:
/// the other lines cost a look at one byte and the way to their end, and a path becomes a `String` only when asked.
public enum MapsParser {
    /// The executable mappings of files, in the order of their addresses. A file's mappings are listed each.
    /// Lines that are cut or make no sense are left out.
    public static func executableFiles(in maps: [UInt8]) -> [MappedFile] {
        var files: [MappedFile] = []
        forEachExecutable(in: maps.span) { line in
            let (path, isDeleted) = path(of: line, in: maps)
            files.append(MappedFile(identity: line.identity, range: line.range, path: path, isDeleted: isDeleted))
        }
        return files
    }

    /// A line whose path has not been decoded.
    struct Line {
        let range: MappedRange
        let identity: FileIdentity
        /// Where the path stands in the bytes.
        let path: Range<Int>
    }

    /// Calls `body` with each executable mapping of a file. A last line without a newline is a cut one.
    @inline(__always)
    static func forEachExecutable(in maps: Span<UInt8>, _ body: (Line) -> Void) {
        var start = 0
        while let end = index(of: newline, in: maps, from: start) {
            // The numbers are read only when the line is wanted: "r-xp" follows the first space.
            if let permissions = index(of: space, in: maps, from: start), permissions + 4 < end,
                maps[permissions + 3] == UInt8(ascii: "x")
            {
                var cursor = Cursor(position: start, end: end)
                if let line = cursor.line(in: maps) { body(line) }
            }
            start = end + 1
        }
    }

    @inline(__always)
    private static func index(of byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    static func path(of line: Line, in maps: [UInt8]) -> (path: String, isDeleted: Bool) {
        let bytes = maps[line.path]
        guard bytes.contains(UInt8(ascii: "\\")) else { return path(ofName: bytes) }
        return path(ofName: unescaped(bytes)[...])
    }

    /// A path as the kernel names it, without escapes.
    static func path(ofName name: ArraySlice<UInt8>) -> (path: String, isDeleted: Bool) {
        let isDeleted = name.count > deletedMark.count && name.suffix(deletedMark.count).elementsEqual(deletedMark)
        return (String(decoding: isDeleted ? name.dropLast(deletedMark.count) : name, as: UTF8.self), isDeleted)
    }

    /// The kernel writes a newline as `\012` and leaves a backslash as it is (fs/proc/task_mmu.c, `seq_path`).
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.first {
            if rest.starts(with: newlineEscape) {
                result.append(newline)
                rest.removeFirst(newlineEscape.count)
            } else {
                result.append(byte)
                rest.removeFirst()
            }
        }
        return result
    }

    private static let deletedMark = Array(" (deleted)".utf8)
    private static let newlineEscape = Array(#"\012"#.utf8)
}

private let space = UInt8(ascii: " ")
private let newline = UInt8(ascii: "\n")

/// A position in a line that moves forward only.
private struct Cursor {
    var position: Int
    let end: Int

    mutating func line(in bytes: Span<UInt8>) -> MapsParser.Line? {
        guard let start = hexadecimal(in: bytes, until: UInt8(ascii: "-")),
            let end = hexadecimal(in: bytes, until: space), end > start
        else { return nil }
        position += 5  // "r-xp "
        guard let offset = hexadecimal(in: bytes, until: space),
            let major = hexadecimal(in: bytes, until: UInt8(ascii: ":")), major < 1 << 12,
            let minor = hexadecimal(in: bytes, until: space), minor < 1 << 20,
            let inode = decimal(in: bytes, until: space)
        else { return nil }
        while position < self.end && bytes[position] == space { position += 1 }
        // "[vdso]", "anon_inode:…" and nothing at all are no files; "/memfd:…" is one, without a place.
        guard inode != 0, position < self.end, bytes[position] == UInt8(ascii: "/") else { return nil }
        return MapsParser.Line(
            range: MappedRange(start: start, end: end, offset: offset),
            identity: FileIdentity(device: major << 20 | minor, inode: inode),
            path: position..<self.end)
    }

    /// The number before `stop`, which is skipped; nil where anything else stands there, or more than 64 bits.
    private mutating func hexadecimal(in bytes: Span<UInt8>, until stop: UInt8) -> UInt64? {
        var value: UInt64 = 0
        let first = position
        while position < end {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value &<< 4 | UInt64(byte &- UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value &<< 4 | UInt64(byte &- UInt8(ascii: "a") &+ 10)
            default: return byte == stop && 1...16 ~= position - 1 - first ? value : nil
            }
        }
        return nil
    }

    private mutating func decimal(in bytes: Span<UInt8>, until stop: UInt8) -> UInt64? {
        var value: UInt64 = 0
        let first = position
        while position < end {
            let byte = bytes[position]
            position += 1
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else {
                return byte == stop && position - 1 > first ? value : nil
            }
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowOfSum) = tenfold.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
            if overflow || overflowOfSum { return nil }
            value = sum
        }
        return nil
    }
}
