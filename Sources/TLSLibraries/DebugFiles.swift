public import ELFImage
internal import OS

/// Opens files of debug information. What such a file says decides where probes go in a program that everybody on the
/// host may run. So it counts only as this process sees the file system, never as a traced process or a container does
/// (a user has a `/usr/lib/debug` of his own in a mount namespace of his own), and only from this user or root.
public enum DebugFiles {
    /// - Returns: nil where there is none, or it is another user's.
    public static func open(_ path: String) -> (any ByteSource)? {
        guard let file = try? RegularFile(path: path), isTrusted(file) else { return nil }
        return file
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
