internal import Glibc

/// What `stat` says of a file.
public struct FileStatus: Sendable, Equatable {
    /// `st_dev`; an overlay or btrfs gives an anonymous number here that need not be the one in /proc/PID/maps.
    public let device: UInt64
    public let inode: UInt64
    /// Bytes.
    public let size: UInt64
    /// Bytes that the file system keeps for it: few for a file of holes.
    public let allocated: UInt64
    /// Nanoseconds since the epoch; changes with every write and rename, and users can't set it. One that does not fit,
    /// as an image or a file system in user space may show, is the highest or the lowest number.
    public let changedAt: Int64
    public let mode: UInt32
    public let owner: UInt32
    /// How many names the file has; 0 for one that was deleted.
    public let links: UInt64

    public var isRegular: Bool { mode & S_IFMT == S_IFREG }
    public var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }

    /// The kind of file in words, for messages.
    public var kindName: String {
        switch mode & S_IFMT {
        case S_IFREG: "a regular file"
        case S_IFDIR: "a directory"
        case S_IFLNK: "a symbolic link"
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "of another kind"
        }
    }

    /// Follows symbolic links.
    public init(path: String) throws(SystemError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .last("read the status of", path) }
        self.init(status)
    }

    public init(descriptor: borrowing Descriptor, path: String) throws(SystemError) {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { throw .last("read the status of", path) }
        self.init(status)
    }

    /// Of an entry of a folder; a symbolic link is not followed.
    /// - Parameter path: How messages call it.
    init(_ name: String, inFolder folder: borrowing Descriptor, path: String) throws(SystemError) {
        var status = stat()
        guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw .last("read the status of", path)
        }
        self.init(status)
    }

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = UInt64(max(status.st_size, 0))
        let (allocated, isTooMuch) = UInt64(max(status.st_blocks, 0)).multipliedReportingOverflow(by: 512)
        self.allocated = isTooMuch ? .max : allocated
        changedAt = Self.nanoseconds(status.st_ctim)
        mode = status.st_mode
        owner = status.st_uid
        links = UInt64(status.st_nlink)
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (seconds, isTooMuch) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isSumTooMuch) = seconds.addingReportingOverflow(Int64(time.tv_nsec))
        guard isTooMuch || isSumTooMuch else { return sum }
        return time.tv_sec < 0 ? .min : .max
    }
}
