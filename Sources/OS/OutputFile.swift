internal import CShims
internal import Glibc
internal import Synchronization

/// An output that is written at once and whole.
public final class OutputFile: Sendable {
    private let descriptor: Int32
    private let isOwned: Bool
    public let path: String
    /// Where the file is opened anew; nil for a descriptor that was open already.
    private let place: Place?
    /// Held while rows are written: the file changes between two batches, never within a line.
    private let writing = Mutex(())

    public static let standardOutput = OutputFile(descriptor: 1, path: "standard output")
    public static let standardError = OutputFile(descriptor: 2, path: "standard error")

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        place = nil
        isOwned = false
    }

    /// Opens a file to append to: a new one, which only its owner reads, or a regular file that is this user's and has
    /// no other name. A symbolic link in the place of the file is not followed.
    /// - Throws: `SystemError`.
    public init(appendingTo path: String) throws(SystemError) {
        let place = try Place(path)
        descriptor = try place.open().release()
        self.path = path
        self.place = place
        isOwned = true
    }

    /// Whether `reopen` opens another file after this one was renamed.
    public var canReopen: Bool { place != nil }

    /// Opens the path anew, for a file that was renamed. What was written before is in the old file, what comes later in
    /// the new one.
    /// - Throws: `SystemError`; the old file stays then.
    public func reopen() throws(SystemError) {
        guard let place else { return }
        let opened = try place.open()
        let result = writing.withLock { _ in retrying { sniscope_replace_descriptor(descriptor, opened.number) } }
        guard result >= 0 else { throw .last("open", path) }
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    public var isTerminal: Bool { Host.isTerminal(descriptor) }
    public var terminalWidth: Int? { Host.terminalWidth(descriptor) }

    /// - Throws: `SystemError`; `isClosedPipe` where nobody reads any more.
    public func write(_ bytes: [UInt8]) throws(SystemError) {
        try writing.withLock { _ throws(SystemError) in try writeAll(bytes) }
    }

    private func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                retrying { Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written) }
            }
            guard count >= 0 else {
                if errno == EAGAIN {
                    // A terminal or pipe that somebody made non-blocking.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&ready, 1, -1)
                    continue
                }
                throw .last("write", path)
            }
            written += count
        }
    }
}

/// A file's name in a folder that is held open: the same folder after a change of the mount namespace.
private final class Place: Sendable {
    private let folder: Descriptor
    private let name: String
    private let path: String

    /// Another process may make or remove the file between two looks; so often it is tried.
    private static let attempts = 8

    init(_ path: String) throws(SystemError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        name = String(parts.last ?? "")
        guard !name.isEmpty, name != ".", name != ".." else {
            throw SystemError("write", path, code: 0, hint: "it is a directory; name a file.")
        }
        let parent = parts.dropLast().joined(separator: "/")
        do throws(SystemError) {
            folder = try Descriptor.handle(parts.count == 1 ? "." : parent + "/")
        } catch {
            throw SystemError("write", path, code: error.code)
        }
        self.path = path
    }

    func open() throws(SystemError) -> Descriptor {
        for _ in 0..<Self.attempts {
            // Looked at before it is opened: opening a device can have effects, and a FIFO waits for a reader.
            let found = sniscope_open_path_at(folder.number, name)
            if found >= 0 {
                return try open(Descriptor(open: found))
            }
            guard errno == ENOENT else { throw .last("write", path) }
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC | O_NOCTTY
            let made = retrying { openat(folder.number, name, flags, 0o600) }
            if made < 0, errno == EEXIST { continue }
            return try Descriptor(adopting: made, "write", path)
        }
        throw SystemError("write", path, code: EBUSY)
    }

    private func open(_ found: consuming Descriptor) throws(SystemError) -> Descriptor {
        let status = try FileStatus(descriptor: found, path: path)
        if let refusal = Self.refusal(of: status) { throw SystemError("write", path, code: 0, hint: refusal) }
        do throws(SystemError) {
            let number = retrying { Glibc.open(found.path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY) }
            return try Descriptor(adopting: number, "write", path)
        } catch {
            throw SystemError("write", path, code: error.code)
        }
    }

    /// Why a file is not written to; nil for one that is.
    private static func refusal(of status: FileStatus) -> String? {
        guard status.isRegular else {
            return "it is \(status.kindName), not a regular file; name another file, or redirect standard output."
        }
        guard status.owner == geteuid() else {
            return "it belongs to the user \(status.owner); remove it, or name another file."
        }
        // A link of somebody else's making may lead to any file of this user.
        guard status.links == 1 else {
            return "it has \(status.links) names (hard links); remove it, or name another file."
        }
        return nil
    }
}

extension SystemError {
    public var isClosedPipe: Bool { code == EPIPE }
}

extension OutputFile {
    /// As `write`; a reader that has gone is no error, as `| head` is none.
    public func writeUnlessClosed(_ bytes: [UInt8]) throws(SystemError) {
        do throws(SystemError) {
            try write(bytes)
        } catch {
            guard error.isClosedPipe else { throw error }
        }
    }
}

extension OutputFile {
    /// Calls `body` on a thread of its own when nobody can read any more: a pipe's reader has gone, a terminal hung up.
    public func whenClosed(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        // A file has no reader to lose.
        guard !canReopen else { return }
        try Threads.start(name: "output") { [self] in
            var closed = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&closed, 1, -1) < 1 {}
            body()
        }
    }
}
