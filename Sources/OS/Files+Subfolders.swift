internal import Glibc

extension Files {
    /// A folder inside a folder.
    public struct Subfolder: Sendable, Equatable {
        public let name: String
        /// As the folder's listing gives it: in /sys/fs/cgroup the same as `st_ino`, the cgroup's id.
        public let inode: UInt64
    }

    /// The folders directly in `folder`, by one listing and no `stat` of each entry. Symbolic links are no folders;
    /// nor is an entry whose kind the file system does not tell (those of the kernel's own file systems all do).
    /// - Parameter limit: So many entries of any kind are looked at; a folder of somebody else's can hold any number.
    public static func subfolders(of folder: String, limit: Int = .max) throws(SystemError) -> [Subfolder] {
        guard let stream = opendir(folder) else { throw .last("list", folder) }
        defer { closedir(stream) }
        var folders: [Subfolder] = []
        // "." and ".." come beside.
        var left = limit < .max - 2 ? limit + 2 : .max
        while left > 0, let entry = readdir(stream) {
            left -= 1
            guard Int(entry.pointee.d_type) == DT_DIR else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." {
                folders.append(Subfolder(name: name, inode: UInt64(entry.pointee.d_ino)))
            }
        }
        return folders
    }
}
