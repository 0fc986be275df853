public import OS

/// A process of which it is known at any time, without a look at /proc, whether it still runs.
public final class HeldProcess: Sendable {
    public let identity: ProcessIdentity
    private let handle: ProcessHandle

    /// - Throws: `isNotFound` for a process that has been reaped.
    public init(pid: Int32) throws(SystemError) {
        identity = try ProcessIdentity(pid: pid)
        handle = try ProcessHandle(pid: pid)
        // Its number may have become another's between the two.
        guard identity.isCurrent else {
            throw SystemError("watch the process", "\(pid)", code: 3, hint: "it has ended.")
        }
    }

    /// False for a zombie: it has left its namespaces.
    public var isRunning: Bool { !handle.hasEnded }
}
