internal import CEvents
internal import Glibc

/// A call that sets a server name.
public struct ServerNameRecord: Sendable {
    /// CLOCK_MONOTONIC, nanoseconds.
    public let time: UInt64
    /// The address of the library's connection object, 0 where the function has none. It tells where the process's
    /// memory lies: not for output.
    public let connection: UInt64
    /// nil: the app's memory could not be read. Bytes that are not UTF-8 are replaced.
    public let name: String?
    public let isNameTruncated: Bool
    public let caller: Caller

    init?(_ bytes: UnsafeRawBufferPointer, _ callers: CallerCache) {
        let header = MemoryLayout<sniscope_server_name>.size
        guard bytes.count >= header, bytes.loadUnaligned(as: UInt32.self) == UInt32(SNISCOPE_SERVER_NAME.rawValue)
        else { return nil }
        func load<Value: BitwiseCopyable>(_ offset: Int, as: Value.Type) -> Value {
            bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
        }
        let nameLength = Int(load(Place.nameLength, as: UInt16.self))
        let flags = UInt32(load(Place.nameFlags, as: UInt16.self))
        let nameStart = header + Int(load(Place.exeLength, as: UInt16.self))
        let end = nameStart + nameLength
        guard end <= bytes.count else { return nil }

        time = load(Place.time, as: UInt64.self)
        connection = load(Place.connection, as: UInt64.self)
        let isReadable = flags & UInt32(SNISCOPE_NAME_UNREADABLE.rawValue) == 0
        name = isReadable ? String(decoding: bytes[nameStart..<end], as: UTF8.self) : nil
        isNameTruncated = flags & UInt32(SNISCOPE_NAME_TRUNCATED.rawValue) != 0
        caller = callers.caller(UnsafeRawBufferPointer(rebasing: bytes[Place.caller..<nameStart]))
    }
}

/// Where the fields that each record is asked for are in its bytes.
private enum Place {
    static let nameLength = offset(\.name_length)
    static let nameFlags = offset(\.name_flags)
    static let time = offset(\.time)
    static let connection = offset(\.connection)
    static let exeLength = offset(\.exe_length)
    /// From here on the bytes are the caller's.
    static let caller = offset(\.cookie)
    static let pid = offset(\.pid)

    private static func offset(_ field: PartialKeyPath<sniscope_server_name>) -> Int {
        MemoryLayout<sniscope_server_name>.offset(of: field)!
    }
}

/// Who made a call, as it was at that moment, and by which probe. The same object for many calls.
public final class Caller: Sendable {
    public let cookie: UInt64
    /// CLOCK_BOOTTIME of the process's start, nanoseconds.
    public let startTime: UInt64
    public let cgroup: UInt64
    public let pid: UInt32
    public let tid: UInt32
    /// As the host sees them.
    public let uid: UInt32
    public let gid: UInt32
    /// As the process sees them itself, in its user namespace; those it does not map are 65534.
    public let innerUID: UInt32
    public let innerGID: UInt32
    public let parentPID: UInt32
    public let mountNamespace: UInt32
    public let networkNamespace: UInt32
    /// The thread's name.
    public let comm: String
    /// The name of the process's first thread.
    public let processComm: String
    public let parentComm: String
    /// As the process sees it; empty for a process without an executable.
    public let executable: String
    /// `executable` begins in the middle of the path.
    public let isExecutableTruncated: Bool

    /// - Parameter bytes: From the record's cookie to the end of the path.
    fileprivate init(_ bytes: UnsafeRawBufferPointer) {
        var raw = sniscope_server_name()
        let fixed = MemoryLayout<sniscope_server_name>.size - Place.caller
        withUnsafeMutableBytes(of: &raw) { target in
            UnsafeMutableRawBufferPointer(rebasing: target[Place.caller...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes.prefix(fixed)))
        }
        cookie = raw.cookie
        startTime = raw.start_time
        cgroup = raw.cgroup
        pid = raw.pid
        tid = raw.tid
        uid = raw.uid
        gid = raw.gid
        innerUID = raw.inner_uid
        innerGID = raw.inner_gid
        parentPID = raw.parent_pid
        mountNamespace = raw.mount_namespace
        networkNamespace = raw.network_namespace
        let commLength = Int(SNISCOPE_COMM_LENGTH)
        let comms = fixed - 3 * commLength
        comm = text(bytes, comms, commLength)
        processComm = text(bytes, comms + commLength, commLength)
        parentComm = text(bytes, comms + 2 * commLength, commLength)
        isExecutableTruncated = raw.exe_truncated != 0
        executable = path(reversed: bytes[fixed...])
    }
}

/// The callers of late, so that what they have in common is made once. For one thread.
public final class CallerCache {
    /// Some 1 MB at most.
    private static let size = 1024

    private struct Entry {
        let bytes: [UInt8]
        let caller: Caller
    }

    private var entries: [Entry?] = Array(repeating: nil, count: size)

    public init() {}

    /// - Parameter bytes: A record's part that is the caller's.
    func caller(_ bytes: UnsafeRawBufferPointer) -> Caller {
        // The cookie; pid and tid.
        let words = (
            bytes.loadUnaligned(as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: Place.pid - Place.caller, as: UInt64.self)
        )
        let mixed = (words.0 &* 0x9E37_79B9_7F4A_7C15 ^ words.1) &* 0x9E37_79B9_7F4A_7C15
        let index = Int(mixed >> 54)
        if let entry = entries[index], let start = bytes.baseAddress, entry.bytes.count == bytes.count,
            memcmp(entry.bytes, start, bytes.count) == 0
        {
            return entry.caller
        }
        let caller = Caller(bytes)
        entries[index] = Entry(bytes: Array(bytes), caller: caller)
        return caller
    }
}
