public import OS

/// What /proc tells of a process at one moment. All text in it is the process's own choice: escape it before printing.
public struct ProcessRecord: Equatable, Sendable {
    public let identity: ProcessIdentity
    /// The main thread's name.
    public let comm: String
    public let parent: Int32
    /// The program, as the process sees it; nil for kernel threads and where looking is not permitted.
    public let executable: String?
    /// The program's file has been deleted or replaced. A claim: see `MappedFile.isDeleted`.
    public let executableIsDeleted: Bool
    /// Empty for kernel threads and zombies.
    public let arguments: [String]
    /// The real ids, which are those that `bpf_get_current_uid_gid` gives.
    public let uid: UInt32
    public let gid: UInt32
    /// The inode number of the namespace; nil where looking is not permitted.
    public let mountNamespace: UInt64?
    public let networkNamespace: UInt64?
    public let cgroups: CgroupMembership

    public var pid: Int32 { identity.pid }

    /// - Throws: `isNotFound` for a process that has ended, also while it is being read.
    public init(pid: Int32) throws(SystemError) {
        let status = try ProcessStatus(pid: pid)
        identity = ProcessIdentity(pid: pid, startTime: status.startTime)
        comm = status.comm
        parent = status.parent
        (executable, executableIsDeleted) = try Self.executable(of: pid)
        arguments = try Self.arguments(of: pid)
        (uid, gid) = try Self.credentials(of: pid)
        mountNamespace = try Self.namespace("mnt", of: pid)
        networkNamespace = try Self.namespace("net", of: pid)
        cgroups = try CgroupMembership(pid: pid)
    }

    /// The arguments a process was started with, or has written over them: /proc/PID/cmdline. Empty arguments count.
    public static func arguments(of pid: Int32) throws(SystemError) -> [String] {
        arguments(in: try Files.read("/proc/\(pid)/cmdline", limit: 8 << 20))
    }

    /// As `arguments(of:)`, of a process of root or of this process's own user; nil for others and for one that is gone.
    /// They are read from the process's memory, and whoever serves that memory himself (userfaultfd, FUSE) decides when
    /// the read ends.
    public static func trustedArguments(of pid: Int32) -> [String]? {
        guard let uid = try? credentials(of: pid).uid, uid == 0 || uid == Host.userID else { return nil }
        return try? arguments(of: pid)
    }

    /// The environment that a process of root or of this process's own user began with; nil for others and for one that
    /// is gone, as `trustedArguments(of:)`.
    public static func trustedEnvironment(of pid: Int32) -> [String: String]? {
        guard let uid = try? credentials(of: pid).uid, uid == 0 || uid == Host.userID,
            let bytes = try? Files.read("/proc/\(pid)/environ", limit: 8 << 20)
        else { return nil }
        var environment: [String: String] = [:]
        for entry in arguments(in: bytes) {
            guard let equals = entry.firstIndex(of: "=") else { continue }
            environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        return environment
    }

    /// The strings of /proc/PID/cmdline or /proc/PID/environ.
    public static func arguments(in cmdline: [UInt8]) -> [String] {
        guard !cmdline.isEmpty else { return [] }
        var arguments = cmdline.split(separator: 0, omittingEmptySubsequences: false)
        if cmdline.last == 0 { arguments.removeLast() }
        return arguments.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The real ids of a process's user and group.
    public static func credentials(of pid: Int32) throws(SystemError) -> (uid: UInt32, gid: UInt32) {
        guard let credentials = credentials(in: try Files.read("/proc/\(pid)/status")) else {
            throw SystemError("understand", "/proc/\(pid)/status", code: 0, hint: "it has no Uid and Gid lines.")
        }
        return credentials
    }

    /// The real uid and gid of /proc/PID/status: `Uid:` real, effective, saved, file system.
    static func credentials(in status: [UInt8]) -> (uid: UInt32, gid: UInt32)? {
        guard let uid = numbers(after: "Uid:", in: status).first, let gid = numbers(after: "Gid:", in: status).first
        else { return nil }
        return (uid, gid)
    }

    /// The numbers of a line of /proc/PID/status, up to what is none.
    static func numbers(after label: String, in status: [UInt8]) -> [UInt32] {
        let label = Array(label.utf8)
        for line in status.split(separator: UInt8(ascii: "\n")) where line.starts(with: label) {
            let fields = line.dropFirst(label.count).split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            return fields.map { UInt32(String(decoding: $0, as: UTF8.self)) }.prefix { $0 != nil }.compactMap(\.self)
        }
        return []
    }

    private static func executable(of pid: Int32) throws(SystemError) -> (String?, Bool) {
        guard let target = try link("exe", of: pid) else { return (nil, false) }
        let mark = " (deleted)"
        return target.hasSuffix(mark) ? (String(target.dropLast(mark.count)), true) : (target, false)
    }

    /// The name of a process's main thread, which it is free to choose; nil where it has ended. Cheaper than
    /// `ProcessStatus`, for which the kernel adds up memory and time.
    public static func comm(of pid: Int32) -> String? {
        guard let name = try? Files.read("/proc/\(pid)/comm", limit: 64) else { return nil }
        return String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// The inode number of a process's mount namespace; nil where looking is not permitted or the process has ended.
    public static func mountNamespace(of pid: Int32) -> UInt32? {
        (try? namespace("mnt", of: pid)).flatMap(\.self).map { UInt32(truncatingIfNeeded: $0) }
    }

    /// The mount namespace of the host; 0 where it can't be told. The first process may refuse to be looked at where the
    /// kernel's own threads do not: they share it.
    public static let hostMountNamespace: UInt32 =
        [1, 2, Int32(Host.pid)].lazy.compactMap(mountNamespace).first ?? 0

    /// "mnt:[4026531840]" → 4026531840.
    private static func namespace(_ kind: String, of pid: Int32) throws(SystemError) -> UInt64? {
        try link("ns/\(kind)", of: pid).flatMap { UInt64($0.drop { $0 != "[" }.dropFirst().dropLast()) }
    }

    /// nil where there is no link (kernel threads, zombies) or it may not be read.
    private static func link(_ name: String, of pid: Int32) throws(SystemError) -> String? {
        do throws(SystemError) {
            return try Files.linkTarget("/proc/\(pid)/\(name)")
        } catch {
            if error.isNotPermitted || error.isNotFound { return nil }
            throw error
        }
    }
}
