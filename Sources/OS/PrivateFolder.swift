internal import Glibc

/// A folder of small files that this user alone writes. Whoever else may write on the host can neither put a file into
/// it nor another folder in its place; it stays the same folder for as long as this object lives, whatever becomes of
/// its path.
public final class PrivateFolder: Sendable {
    public let path: String
    private let descriptor: Descriptor

    private static let operation = "use the folder"

    /// Opens the folder; those of the path that are missing are made, for this user alone.
    /// - Throws: `SystemError`; where somebody else can write in it or replace it, its `hint` says by what, and what to
    ///   do.
    public init(path: String) throws(SystemError) {
        let handle = try FolderWalk(Self.operation, path).folder()
        let status = try FileStatus(descriptor: handle, path: path)
        guard status.owner == geteuid() else {
            throw SystemError(
                Self.operation, path, code: 0,
                hint: "it belongs to the user \(status.owner); remove it, or choose another folder.")
        }
        // Sticky or not: here others' entries would be read.
        guard status.mode & 0o022 == 0 else {
            throw SystemError(
                Self.operation, path, code: 0,
                hint: "it can be written by others (mode \(String(status.mode & 0o7777, radix: 8))); "
                    + "remove it, since what is in it can't be trusted.")
        }
        descriptor = try Descriptor(
            adopting: openat(handle.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), Self.operation, path)
        self.path = path
    }

    /// The whole of a file; nil where there is none that counts: not a regular file, or one that is another user's, can
    /// be written by others, or is larger than `limit`.
    /// - Parameter name: A plain file name.
    public func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8]? {
        let number = openat(descriptor.number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        // ELOOP: a symbolic link. ENXIO: a socket.
        if number < 0, [ENOENT, ELOOP, ENXIO].contains(errno) { return nil }
        let file = try Descriptor(adopting: number, "open", place(name))
        let status = try FileStatus(descriptor: file, path: place(name))
        guard status.isRegular, status.owner == geteuid(), status.mode & 0o022 == 0, status.size <= UInt64(limit)
        else { return nil }
        var failure: SystemError?
        let count = Int(status.size)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = retrying { Glibc.read(file.number, buffer.baseAddress?.advanced(by: filled), count - filled) }
                if got < 0 { failure = .last("read", place(name)) }
                guard got > 0 else { return }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Makes a file, in the place of one of that name: whoever reads it meanwhile gets the old or the new one whole.
    /// - Parameter name: A plain file name.
    public func replace(_ name: String, with bytes: [UInt8]) throws(SystemError) {
        let temporary = Self.temporaryPrefix + String(UInt64.random(in: 0 ... .max), radix: 36)
        let file = try Descriptor(
            adopting: openat(descriptor.number, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600),
            "write", place(name))
        do throws(SystemError) {
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes { buffer in
                    retrying { write(file.number, buffer.baseAddress?.advanced(by: written), buffer.count - written) }
                }
                guard count >= 0 else { throw .last("write", place(name)) }
                written += count
            }
            guard renameat(descriptor.number, temporary, descriptor.number, name) == 0 else {
                throw .last("write", place(name))
            }
        } catch {
            unlinkat(descriptor.number, temporary, 0)
            throw error
        }
    }

    /// What names of files begin with that are not whole yet; those of a process that was killed stay.
    public static let temporaryPrefix = ".new-"

    /// The names in the folder, of finished and unfinished files, and of what else a user keeps there.
    public func names() throws(SystemError) -> [String] { try Files.names(in: descriptor.path) }

    /// When a file changed last, in nanoseconds since the epoch; nil where it has gone.
    public func changeTime(of name: String) throws(SystemError) -> Int64? {
        do throws(SystemError) {
            return try FileStatus(name, inFolder: descriptor, path: place(name)).changedAt
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Removes a file; one that has gone is no error.
    public func remove(_ name: String) throws(SystemError) {
        guard unlinkat(descriptor.number, name, 0) == 0 || errno == ENOENT else { throw .last("remove", place(name)) }
    }

    private func place(_ name: String) -> String { "\(path)/\(name)" }
}
