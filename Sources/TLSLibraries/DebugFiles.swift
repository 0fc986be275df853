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

    /// Whether a file of debug information may be at that path: in the system's folder of such files, or beside the file,
    /// or in `.debug` there. For whoever asks in the name of a file, and may do so for others.
    /// - Parameter path: Of the file.
    package static func isPlace(_ debugFile: String, ofFile path: String) -> Bool {
        func folder(_ path: String) -> Substring { path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
        guard !debugFile.split(separator: "/").contains("..") else { return false }
        return debugFile.hasPrefix("/usr/lib/debug/") || folder(debugFile) == folder(path)
            || folder(debugFile) == folder(path) + "/.debug"
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
