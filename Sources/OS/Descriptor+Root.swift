internal import CShims
internal import Glibc

/// Not in Swift's view of glibc, which is the one without _GNU_SOURCE; the same on x86-64 and arm64
/// (Linux, include/uapi/asm-generic/fcntl.h).
private let openPath: Int32 = 0o10_000_000

extension Descriptor {
    /// A handle of the file at `path`, which opens nothing: no effect on a device, no wait for a FIFO.
    /// What it is can be asked, and it can be opened by its `path`.
    public static func handle(_ path: String) throws(SystemError) -> Descriptor {
        try Descriptor(adopting: sniscope_open_path(path), "open", path)
    }

    /// A handle of the file at `path` as a process with the root folder `root` sees it: neither a symbolic link nor
    /// ".." leads out of `root`, and links of /proc are not followed (openat2(2), RESOLVE_IN_ROOT; Linux 5.6).
    /// - Parameter root: A folder, such as /proc/PID/root.
    public static func handle(inRoot root: String, path: String) throws(SystemError) -> Descriptor {
        let folder = try handle(root)
        return try Descriptor(
            adopting: retrying { sniscope_open_in_root(folder.number, path, openPath) }, "open", root + path)
    }

    /// A handle of the folder at `path`, in a mount of its own. Files opened through it, and probes in them, are no reason
    /// for EBUSY when the mount at `path` is to go (open_tree(2), OPEN_TREE_CLONE; Linux 5.2, CAP_SYS_ADMIN).
    /// - Throws: `SystemError`; also for a folder of another mount namespace, whose mounts go without being asked for.
    public static func mountClone(of path: String) throws(SystemError) -> Descriptor {
        try Descriptor(adopting: sniscope_clone_mount(path), "clone the mount of", path)
    }
}

extension Descriptor {
    /// A file in memory that has no path, of `size` bytes.
    public static func memoryFile(name: String, size: Int) throws(SystemError) -> Descriptor {
        let file = try Descriptor(adopting: sniscope_memory_file(name), "make", "a file in memory")
        guard ftruncate(file.number, size) == 0 else { throw .last("extend", "a file in memory") }
        return file
    }
}
