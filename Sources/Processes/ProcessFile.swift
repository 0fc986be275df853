public import OS

/// Opens files as a process sees them.
public enum ProcessFile {
    /// The file behind a mapping, deleted or not, in whatever mount namespace.
    ///
    /// /proc/PID/map_files leads to the mapped file itself; it needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. Without
    /// them the path is looked up below the process's own root folder, which no link can leave; a file that has been
    /// deleted or replaced is then out of reach.
    ///
    /// The process may have mapped another file at that place since it was asked what is there: only the file meant is
    /// opened. What is found out about another one must not be taken for what is known of this one.
    /// - Throws: `isNotFound` also for a process that has ended or no longer maps the file there.
    public static func open(
        pid: Int32, range: MappedRange, path: String, identity: FileIdentity
    ) throws(SystemError) -> RegularFile {
        let link = "/proc/\(pid)/map_files/\(range.name)"
        do throws(SystemError) {
            let file = try RegularFile(path: link)
            guard identity.isOf(file) else {
                throw SystemError.notFound("open", link, hint: "Another file is mapped there by now.")
            }
            return file
        } catch {
            guard error.isNotPermitted else { throw error }
        }
        let file = try open(pid: pid, path: path)
        guard identity.isOf(file) else {
            throw SystemError(
                "open", link, code: 0,
                hint: "\(path) is another file by now; CAP_CHECKPOINT_RESTORE is needed to open the one in use.")
        }
        return file
    }

    /// As `open(pid:range:path:identity:)`.
    public static func open(pid: Int32, _ mapping: MappedFile) throws(SystemError) -> RegularFile {
        try open(pid: pid, range: mapping.range, path: mapping.path, identity: mapping.identity)
    }

    /// The file of a scan, through the first of its users that still maps it.
    /// - Throws: the last user's error.
    public static func open(_ file: ProcessScan.File) throws(SystemError) -> RegularFile {
        var failure: SystemError?
        for user in file.users {
            do throws(SystemError) {
                return try open(pid: user.pid, range: user.range, path: file.path, identity: file.identity)
            } catch {
                failure = error
            }
        }
        throw failure ?? SystemError("open", file.path, code: 0, hint: "no process maps it.")
    }

    /// A path as the process sees it. Neither ".." nor a symbolic link leads out of the process's root folder.
    public static func open(pid: Int32, path: String) throws(SystemError) -> RegularFile {
        let root = "/proc/\(pid)/root"
        return try RegularFile(handle: Descriptor.handle(inRoot: root, path: path), path: root + path)
    }

    /// The program of a process, deleted or not.
    public static func openExecutable(pid: Int32) throws(SystemError) -> RegularFile {
        try RegularFile(path: "/proc/\(pid)/exe")
    }
}

extension FileIdentity {
    /// `stat`'s numbers, the device repacked from glibc's layout (sys/sysmacros.h) into the kernel's.
    public init(status: FileStatus) {
        let major = (status.device >> 8) & 0xfff | (status.device >> 32) & ~0xfff
        let minor = status.device & 0xff | (status.device >> 12) & ~0xff
        self.init(device: major << 20 | minor & 0xfffff, inode: status.inode)
    }

    /// As /proc/PID/maps would show it; nil where that can't be tried.
    public init?(mapped file: RegularFile) {
        guard let numbers = file.mappedIdentity() else { return nil }
        self.init(device: numbers.device, inode: numbers.inode)
    }

    /// Whether a file is the one that /proc/PID/maps shows with these numbers.
    func isOf(_ file: RegularFile) -> Bool {
        FileIdentity(status: file.status) == self || FileIdentity(mapped: file) == self
    }
}
