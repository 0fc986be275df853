/// A file by the numbers /proc/PID/maps gives it. The device need not be what `stat` says: overlay and btrfs hand out
/// others. One file may have several identities (an overlay mount each), and an inode alone is none.
public struct FileIdentity: Hashable, Sendable {
    /// `major << 20 | minor`, as the kernel itself packs them.
    public let device: UInt64
    public let inode: UInt64

    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// Where one process maps a file executable: a line of /proc/PID/maps, proc_pid_maps(5).
public struct MappedRange: Hashable, Sendable {
    /// First address.
    public let start: UInt64
    /// The address after the last; never before `start`.
    public let end: UInt64
    /// Bytes from the start of the file.
    public let offset: UInt64

    /// One that ends before its start is empty.
    public init(start: UInt64, end: UInt64, offset: UInt64) {
        self.start = start
        self.end = max(start, end)
        self.offset = offset
    }

    /// Where a byte of the file is in memory; nil where it is not in this range.
    func address(ofOffset other: UInt64) -> UInt64? {
        guard other >= offset, other - offset < end - start else { return nil }
        return start + (other - offset)
    }

    /// Its name in /proc/PID/map_files: lower-case, no leading zeros.
    public var name: String {
        String(start, radix: 16) + "-" + String(end, radix: 16)
    }
}

/// An executable mapping of a file in one process.
public struct MappedFile: Equatable, Sendable {
    public let identity: FileIdentity
    public let range: MappedRange
    /// As the process sees it, which may be in another mount namespace. Bytes that are not UTF-8 show as U+FFFD.
    public let path: String
    /// The line says so; a file that is really called "x (deleted)" says it too.
    public let isDeleted: Bool

    public init(identity: FileIdentity, range: MappedRange, path: String, isDeleted: Bool) {
        self.identity = identity
        self.range = range
        self.path = path
        self.isDeleted = isDeleted
    }
}
