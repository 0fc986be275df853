internal import OS

/// The code of a file as a process has it in its memory.
public enum MappedCode {
    /// Where a process's memory shows it to be other code than the file's: a debugger's breakpoint, a function that was
    /// patched, code that was moved into memory without a file.
    /// - Parameter first: The file's first executable mapping in the process.
    /// - Parameter code: The file's bytes at `offset`.
    /// - Returns: false also where the process has nothing there or may not be looked into.
    public static func isOther(
        than code: [UInt8], at offset: UInt64, in pid: Int32, _ identity: FileIdentity, first: MappedRange
    ) -> Bool {
        guard let maps = try? Files.read("/proc/\(pid)/maps", limit: ProcessScan.largestMaps) else { return false }
        let mapping = MapsParser.executableFiles(in: maps).first {
            $0.identity == identity && $0.range.offset <= offset
                && offset - $0.range.offset < $0.range.end - $0.range.start
        }
        guard let range = mapping?.range else {
            let address = first.start &+ (offset &- first.offset)
            return MapsParser.isExecutableWithoutFile(address, in: maps)
        }
        guard let memory = try? RegularFile(path: "/proc/\(pid)/mem"),
            let bytes = try? memory.read(at: range.start + (offset - range.offset), count: code.count),
            bytes.count == code.count
        else { return false }
        let isBreakpoint = zip(bytes, code).allSatisfy { $0 == $1 || $0 == breakpoint }
        // Other uprobes share their breakpoints; a debugger's would be lost.
        return bytes != code && !(isBreakpoint && !isDebugged(pid))
    }

    /// How many bytes are compared: a jump to a replacement is as long.
    public static let length = 5

    /// x86's `int3`. arm64's `brk` of uprobes is four bytes: there any difference counts.
    private static let breakpoint: UInt8 = 0xCC

    private static func isDebugged(_ pid: Int32) -> Bool {
        guard let status = try? Files.read("/proc/\(pid)/status") else { return false }
        let label = Array("TracerPid:\t".utf8)
        let line = status.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: label) }
        return line.map { !$0.dropFirst(label.count).elementsEqual("0".utf8) } ?? false
    }
}

extension MapsParser {
    /// Whether an address lies in an executable mapping of no file.
    static func isExecutableWithoutFile(_ address: UInt64, in maps: [UInt8]) -> Bool {
        for line in maps.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard fields.count >= 5 else { continue }
            let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, ends[0] <= address, address < ends[1] else { continue }
            return fields[1].dropFirst(2).hasPrefix("x") && fields[4] == "0"
        }
        return false
    }
}
