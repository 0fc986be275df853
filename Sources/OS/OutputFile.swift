internal import Glibc

/// An output that is written at once and whole.
public final class OutputFile: Sendable {
    private let descriptor: Int32
    private let isOwned: Bool
    public let path: String

    public static let standardOutput = OutputFile(descriptor: 1, path: "standard output")
    public static let standardError = OutputFile(descriptor: 2, path: "standard error")

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        isOwned = false
    }

    /// Makes or empties a file that only its owner reads. A device (/dev/null) or a FIFO is written to as it is.
    public init(creating path: String) throws(SystemError) {
        let opened = try Descriptor(
            adopting: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0o600), "write", path)
        if try FileStatus(descriptor: opened, path: path).isRegular, fchmod(opened.number, 0o600) != 0 {
            throw .last("make private", path)
        }
        descriptor = opened.release()
        self.path = path
        isOwned = true
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    public var isTerminal: Bool { Host.isTerminal(descriptor) }
    public var terminalWidth: Int? { Host.terminalWidth(descriptor) }

    /// - Throws: `SystemError`; `isClosedPipe` where nobody reads any more.
    public func write(_ bytes: [UInt8]) throws(SystemError) {
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
        try Threads.start(name: "output") { [self] in
            var closed = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&closed, 1, -1) < 1 {}
            body()
        }
    }
}
