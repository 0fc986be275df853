public import ELFImage
package import OS

/// Opens files of debug information. What such a file says decides where probes go in a program that everybody on the
/// host may run. So it counts only as this process sees the file system, never as a traced process or a container does
/// (a user has a `/usr/lib/debug` of his own in a mount namespace of his own), and only from this user or root.
public enum DebugFiles {
    /// - Returns: nil where there is none, or it is another user's.
    public static func open(_ path: String) -> (any ByteSource)? {
        // A link of /proc leads to what a process has mounted for itself, with owners of its choice.
        guard let handle = try? Descriptor.handle(inRoot: "/", path: path),
            let file = try? RegularFile(handle: handle, path: path), isTrusted(file)
        else { return nil }
        return file
    }

    /// Whether a path leads to that file on this host, and not only for a process with mounts of its own: what else is in
    /// its folder is another one's then.
    package static func isPath(_ path: String, of file: RegularFile) -> Bool {
        guard let handle = try? Descriptor.handle(inRoot: "/", path: path),
            let status = try? FileStatus(descriptor: handle, path: path)
        else { return false }
        return status.device == file.status.device && status.inode == file.status.inode
    }

    /// Whether a file of debug information may be at that path: in the system's folder of such files, or beside the file,
    /// or in `.debug` there. For whoever asks in the name of a file, and may do so for others.
    /// - Parameter path: Of the file; nil where this host has another one there, or none.
    package static func isPlace(_ debugFile: String, ofFile path: String?) -> Bool {
        func folder(_ path: String) -> Substring { path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
        guard !debugFile.split(separator: "/").contains("..") else { return false }
        if debugFile.hasPrefix("/usr/lib/debug/") { return true }
        return path.map { folder(debugFile) == folder($0) || folder(debugFile) == folder($0) + "/.debug" } ?? false
    }

    static func isTrusted(_ file: RegularFile) -> Bool { file.isOwn }
}

extension RegularFile {
    /// Whether nobody but this process's user and root can have written what is in it. Of a container's root, or a user's
    /// in a namespace of his own, the owner's number does not tell.
    package var isOwn: Bool {
        // A file system in user space names any owner.
        if FileSystemKind(of: descriptor) == .other { return false }
        let isOthersToWrite = status.mode & 0o022 != 0
        return !isOthersToWrite && (status.owner == 0 || status.owner == Host.effectiveUserID)
    }
}
