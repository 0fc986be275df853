internal import CEvents
internal import Glibc

/// What a BPF program reports of all but calls, as values.
public enum KernelRecord: Sendable {
    case cgroup(CgroupRecord)
    case mapping(MappingRecord)
    case trapped(TrapRecord)

    /// nil for bytes that no program of ours writes.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 4 else { return nil }
        switch bytes.loadUnaligned(as: UInt32.self) {
        case UInt32(SNISCOPE_CGROUP_CREATED.rawValue):
            guard let record = CgroupRecord(bytes, isCreated: true) else { return nil }
            self = .cgroup(record)
        case UInt32(SNISCOPE_CGROUP_REMOVED.rawValue):
            guard let record = CgroupRecord(bytes, isCreated: false) else { return nil }
            self = .cgroup(record)
        case UInt32(SNISCOPE_FILE_MAPPED.rawValue):
            guard let record = MappingRecord(bytes) else { return nil }
            self = .mapping(record)
        case UInt32(SNISCOPE_TRAPPED.rawValue):
            guard let record = TrapRecord(bytes) else { return nil }
            self = .trapped(record)
        default:
            return nil
        }
    }
}

/// A control group that came or went.
public struct CgroupRecord: Sendable {
    public let isCreated: Bool
    /// Whether it is of the v2 hierarchy. Numbers of v1 hierarchies are no `ServerNameRecord.cgroup`.
    public let isUnified: Bool
    public let id: UInt64
    /// From the hierarchy's root.
    public let path: String
    /// `path` may be the beginning of the path alone.
    public let isPathTruncated: Bool
    /// Who made or removed it; nil where nobody saw that.
    public let pid: UInt32?
    /// The user of that process, or whose the group is, where nobody saw it.
    public let uid: UInt32?
    /// The name of that process.
    public let comm: String

    /// A control group that is there although no record told of its creation.
    /// - Parameter uid: Whose it is; nil where that does not matter.
    public init(found id: UInt64, at path: String, uid: UInt32?) {
        isCreated = true
        isUnified = true
        self.id = id
        self.path = path
        isPathTruncated = false
        pid = nil
        self.uid = uid
        comm = ""
    }

    init?(_ bytes: UnsafeRawBufferPointer, isCreated: Bool) {
        guard bytes.count >= MemoryLayout<sniscope_cgroup>.size else { return nil }
        let raw = bytes.loadUnaligned(as: sniscope_cgroup.self)
        let start = MemoryLayout<sniscope_cgroup>.size - Int(SNISCOPE_PATH_CAPACITY)
        guard start + Int(raw.path_length) <= bytes.count else { return nil }
        self.isCreated = isCreated
        id = raw.id
        isUnified = raw.hierarchy == 0
        pid = raw.pid
        uid = raw.uid
        isPathTruncated = raw.path_truncated != 0
        comm = text(bytes, start - Int(SNISCOPE_COMM_LENGTH), Int(SNISCOPE_COMM_LENGTH))
        path = String(decoding: bytes[start..<(start + Int(raw.path_length))], as: UTF8.self)
    }
}

/// A process that has mapped a file executable.
public struct MappingRecord: Sendable {
    public let pid: UInt32
    /// CLOCK_MONOTONIC, nanoseconds.
    public let time: UInt64
    public let start: UInt64
    public let end: UInt64
    /// As /proc/PID/maps shows it: major << 20 | minor.
    public let device: UInt64
    public let inode: UInt64
    /// As the process sees it.
    public let path: String
    /// `path` begins in the middle.
    public let isPathTruncated: Bool

    init?(_ bytes: UnsafeRawBufferPointer) {
        let header = MemoryLayout<sniscope_file_mapped>.size
        guard bytes.count >= header else { return nil }
        let raw = bytes.loadUnaligned(as: sniscope_file_mapped.self)
        let end = header + Int(raw.path_length)
        guard end <= bytes.count else { return nil }
        pid = raw.pid
        time = raw.time
        start = raw.start
        self.end = raw.end
        device = raw.device
        inode = raw.inode
        path = LibBPF.path(reversed: bytes[header..<end])
        isPathTruncated = raw.path_truncated != 0
    }
}

/// A process that dies of SIGTRAP.
public struct TrapRecord: Sendable {
    /// How many bytes of `code` there are.
    public static let codeLength = Int(SNISCOPE_CODE_LENGTH)

    public let pid: UInt32
    public let cgroup: UInt64
    /// As the host sees it.
    public let uid: UInt32
    /// The process's name.
    public let comm: String
    /// What it ran into, from the breakpoint on; zeros where that could not be read.
    public let code: [UInt8]

    init?(_ bytes: UnsafeRawBufferPointer) {
        let size = MemoryLayout<sniscope_trapped>.size
        guard bytes.count >= size else { return nil }
        let record = bytes.loadUnaligned(as: sniscope_trapped.self)
        (pid, cgroup, uid) = (record.pid, record.cgroup, record.uid)
        let start = size - Self.codeLength
        comm = text(bytes, start - Int(SNISCOPE_COMM_LENGTH), Int(SNISCOPE_COMM_LENGTH))
        code = Array(bytes[start..<size])
    }
}

/// The bytes up to the first NUL.
func text(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ capacity: Int) -> String {
    String(decoding: bytes[offset..<(offset + capacity)].prefix { $0 != 0 }, as: UTF8.self)
}

/// Turns `curl\0bin\0usr\0` into `/usr/bin/curl`.
func path(reversed tail: Slice<UnsafeRawBufferPointer>) -> String {
    guard !tail.isEmpty else { return "" }
    return String(unsafeUninitializedCapacity: tail.count) { target in
        var written = 0
        var end = tail.endIndex - 1
        while end >= tail.startIndex {
            var start = end
            while start > tail.startIndex && tail.base[start - 1] != 0 { start -= 1 }
            target[written] = UInt8(ascii: "/")
            written += 1
            for index in start..<end {
                target[written] = tail.base[index]
                written += 1
            }
            end = start - 1
        }
        return written
    }
}
