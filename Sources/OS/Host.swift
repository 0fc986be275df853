internal import CShims
internal import Glibc

/// What this process may do, and where it runs.
public enum Host {
    public static var pid: UInt32 { UInt32(getpid()) }
    public static var isRoot: Bool { geteuid() == 0 }

    /// Effective capabilities, one bit each, numbered as in linux/capability.h.
    public static var capabilities: UInt64 { sniscope_capabilities() }

    /// "6.18.44".
    public static var kernelRelease: String {
        var name = utsname()
        uname(&name)
        return field(&name.release)
    }

    /// "x86_64", "aarch64".
    public static var machine: String {
        var name = utsname()
        uname(&name)
        return field(&name.machine)
    }

    public static var name: String {
        var name = utsname()
        uname(&name)
        return field(&name.nodename)
    }

    /// The width in cells of the terminal behind a descriptor; nil where it is none.
    public static func terminalWidth(_ descriptor: Int32) -> Int? {
        let width = Int(sniscope_terminal_width(descriptor))
        return width > 0 ? width : nil
    }

    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Lets this process open as many files as its hard limit allows: each traced file keeps a descriptor.
    public static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func field<Tuple>(_ tuple: inout Tuple) -> String {
        withUnsafeBytes(of: &tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// Clocks of the kernel, in nanoseconds.
public enum Clock {
    public static var monotonic: Int64 { read(CLOCK_MONOTONIC) }
    public static var realtime: Int64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

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

    /// Makes or empties a file that only its owner reads.
    public init(creating path: String) throws(SystemError) {
        let opened = try Descriptor(
            adopting: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0o600), "write", path)
        guard fchmod(opened.number, 0o600) == 0 || errno == EPERM else { throw .last("write", path) }
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
