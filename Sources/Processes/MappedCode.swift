internal import Glibc
public import OS

/// The code of a file as a process has it in its memory.
public enum MappedCode {
    /// Where a process's memory shows it to be other code than the file's: a debugger's breakpoint, a function that was
    /// patched, code that was moved into memory without a file.
    /// - Parameter first: The file's first executable mapping in the process.
    /// - Parameter code: What the file has in the places that matter.
    /// - Returns: false also where the process has nothing there or may not be looked into.
    public static func isOther(
        than code: [Place], in pid: Int32, _ identity: FileIdentity, first: MappedRange
    ) -> Bool {
        guard let maps = try? Files.read("/proc/\(pid)/maps", limit: ProcessScan.largestMaps) else { return false }
        let ranges = MapsParser.executableFiles(in: maps).filter { $0.identity == identity }.map(\.range)
        let memory = try? RegularFile(path: "/proc/\(pid)/mem")
        return code.contains { place in
            guard let address = ranges.lazy.compactMap({ $0.address(ofOffset: place.offset) }).first else {
                return MapsParser.isExecutableWithoutFile(first.start &+ (place.offset &- first.offset), in: maps)
            }
            guard let bytes = try? memory?.read(at: address, count: place.bytes.count),
                bytes.count == place.bytes.count
            else { return false }
            let isBreakpoint = zip(bytes, place.bytes).allSatisfy { $0 == $1 || $0 == breakpoint }
            // Other uprobes share their breakpoints; a debugger's would be lost.
            return bytes != place.bytes && !(isBreakpoint && !isDebugged(pid))
        }
    }

    /// Whether a process may have other code than the file's: where it has pages of its own, which the kernel made because
    /// something was written there, or nothing is known. Costs microseconds and reads none of the process's memory.
    /// - Parameter first: The file's first executable mapping in the process.
    public static func mayBeOther(than code: [Place], in pid: Int32, first: MappedRange) -> Bool {
        let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        guard let pages = try? RegularFile(path: "/proc/\(pid)/pagemap") else { return true }
        return code.contains { place in
            guard let start = first.address(ofOffset: place.offset),
                let end = first.address(ofOffset: place.offset &+ UInt64(place.bytes.count) &- 1), start <= end
            else { return true }
            return Set([start / pageSize, end / pageSize]).contains { page in
                guard let entry = try? pages.read(at: page * 8, count: 8), entry.count == 8 else { return true }
                // Bits 61 to 63 of Linux's admin-guide/mm/pagemap.rst.
                let isOfFile = entry[7] & 0x20 != 0
                let isThere = entry[7] & 0xC0 != 0
                return isThere && !isOfFile
            }
        }
    }

    /// A place in a file, and its bytes there.
    public struct Place: Sendable {
        let offset: UInt64
        let bytes: [UInt8]
    }

    /// How many bytes are compared: a jump to a replacement is as long.
    private static let length = 5

    /// What a file has at these offsets, without those that can't be read.
    public static func places(in file: RegularFile, at offsets: [UInt64]) -> [Place] {
        offsets.compactMap { offset in
            (try? file.read(at: offset, count: length)).flatMap { bytes in
                bytes.count == length ? Place(offset: offset, bytes: bytes) : nil
            }
        }
    }

    /// Whether these bytes are those of a file with a probe's breakpoint at their beginning.
    public static func isCopy(_ copy: [UInt8], of code: [UInt8]) -> Bool {
        copy.count == code.count && copy.count > breakpointLength && copy != code
            && copy.dropFirst(breakpointLength) == code.dropFirst(breakpointLength)
    }

    private static var breakpointLength: Int { Host.machine == "x86_64" ? 1 : 4 }

    /// x86's `int3`. arm64's `brk` of uprobes is four bytes: there any difference counts.
    private static let breakpoint: UInt8 = 0xCC

    private static func isDebugged(_ pid: Int32) -> Bool {
        guard let status = try? Files.read("/proc/\(pid)/status") else { return false }
        return ProcessRecord.numbers(after: "TracerPid:", in: status).first.map { $0 != 0 } ?? false
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
