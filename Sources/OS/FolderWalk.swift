internal import Glibc

/// Goes down a path from the root folder, one name at a time, and refuses every step at which another user than this
/// one and root could lead it elsewhere.
struct FolderWalk {
    /// Linux, include/uapi/asm-generic/fcntl.h; not in Swift's view of glibc.
    private static let openPath: Int32 = 0o10_000_000
    /// As the kernel's own limit (MAXSYMLINKS).
    private static let linkLimit = 40

    private let path: String
    private let operation: String
    private let user = geteuid()

    init(_ operation: String, _ path: String) {
        self.operation = operation
        self.path = path
    }

    /// A handle (O_PATH) of the folder; those that are missing are made, for this user alone.
    func folder() throws(SystemError) -> Descriptor {
        guard path.hasPrefix("/") else {
            throw SystemError(operation, path, code: 0, hint: "it is no path from the root folder.")
        }
        var names = Self.names(path)
        // Folders, none of them a symbolic link.
        var reached: [String] = []
        var folder = try open(AT_FDCWD, "/")
        var links = 0
        while let name = names.first {
            names.removeFirst()
            if name == ".." {
                names = reached.dropLast() + names
                reached = []
                folder = try open(AT_FDCWD, "/")
                continue
            }
            let place = "/" + (reached + [name]).joined(separator: "/")
            guard let status = try status(folder, name, place) else {
                guard mkdirat(folder.number, name, 0o700) == 0 || errno == EEXIST else {
                    throw .last("make the folder", place)
                }
                names.insert(name, at: 0)
                continue
            }
            if status.isSymbolicLink {
                links += 1
                guard links <= Self.linkLimit else { throw SystemError(operation, path, code: ELOOP) }
                try check(owner: status.owner, place)
                let target = try linkTarget(folder, name, place)
                if target.hasPrefix("/") {
                    folder = try open(AT_FDCWD, "/")
                    reached = []
                }
                names = Self.names(target) + names
                continue
            }
            folder = try open(folder.number, name)
            reached.append(name)
            let opened = try FileStatus(descriptor: folder, path: place)
            try check(owner: opened.owner, place)
            // In a sticky folder others may make entries, but can't replace those of this user.
            guard opened.mode & 0o022 == 0 || opened.mode & UInt32(S_ISVTX) != 0 else {
                throw SystemError(
                    operation, path, code: 0,
                    hint: "\(place) can be written by others (mode \(String(opened.mode & 0o7777, radix: 8))); "
                        + "take that away (chmod go-w), or choose another folder.")
            }
        }
        return folder
    }

    private static func names(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map(String.init)
    }

    private func check(owner: UInt32, _ place: String) throws(SystemError) {
        guard owner == user || owner == 0 else {
            throw SystemError(
                operation, path, code: 0,
                hint: "\(place) belongs to the user \(owner); remove it, or choose another folder.")
        }
    }

    private func open(_ folder: Int32, _ name: String) throws(SystemError) -> Descriptor {
        try Descriptor(
            adopting: openat(folder, name, Self.openPath | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), operation, path)
    }

    private func status(
        _ folder: borrowing Descriptor, _ name: String, _ place: String
    ) throws(SystemError) -> FileStatus? {
        do throws(SystemError) {
            return try FileStatus(name, inFolder: folder, path: place)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    private func linkTarget(
        _ folder: borrowing Descriptor, _ name: String, _ place: String
    ) throws(SystemError) -> String {
        var result = ""
        var length = 0
        let number = folder.number
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(PATH_MAX)) { buffer in
            guard let target = buffer.baseAddress else { return }
            length = readlinkat(number, name, target, buffer.count)
            if length > 0 { result = String(decoding: buffer[..<length], as: UTF8.self) }
        }
        guard length >= 0 else { throw .last("read the link", place) }
        return result
    }
}
