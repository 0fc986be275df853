internal import CShims
internal import Glibc

/// A process by a descriptor (pidfd_open(2)): its end is seen without a look at /proc, and no later process with the
/// same number is taken for it.
public struct ProcessHandle: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// - Throws: `isNotFound` for a process that has been reaped.
    public init(pid: Int32) throws(SystemError) {
        descriptor = try Descriptor(adopting: sniscope_open_process(pid), "watch the process", "\(pid)")
    }

    /// Also true of a zombie. Does not wait.
    public var hasEnded: Bool {
        var watched = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) > 0
    }
}
