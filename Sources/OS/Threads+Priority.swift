internal import Glibc
internal import Synchronization

extension Threads {
    /// Lets the calling thread run before all that have no priority in real time, whenever it has something to do; for one
    /// that seldom has. Without CAP_SYS_NICE, or time for such threads in this control group, it waits for its turn.
    public static func preemptOthers() {
        var parameters = sched_param()
        parameters.sched_priority = 1
        // 0: this thread.
        sched_setscheduler(0, SCHED_FIFO, &parameters)
    }

    /// Does `body` behind all that others want to do. Without CAP_SYS_NICE the thread stays there.
    ///
    /// `body` holds no lock for long that others need: they would wait for a thread that gets no processor.
    public static func withLowPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withNiceness(10, body)
    }

    /// Does `body` before most of what others want to do: a moment's work that is of no use later. Whoever uses it bounds
    /// that work: it takes a processor from all others. Without CAP_SYS_NICE it waits for its turn.
    public static func withHighPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withNiceness(-10, body)
    }

    /// The same on half of the processors at a time: what users can have done as often as they like leaves others the
    /// rest. Beyond that, `body` waits for its turn.
    public static func withSharedHighPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        let most = max(Host.processorCount / 2, 1)
        defer { sharers.subtract(1, ordering: .relaxed) }
        return try sharers.add(1, ordering: .relaxed).newValue <= most ? withHighPriority(body) : body()
    }

    private static let sharers = Atomic(0)

    /// Does `body` as work that has no priority, where the calling thread has one.
    public static func withoutPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withNiceness(max(niceness, 0), body)
    }

    private static func withNiceness<Result>(_ niceness: Int32, _ body: () throws -> Result) rethrows -> Result {
        let before = Self.niceness
        if niceness < 0 { keepToOneself() }
        setNiceness(niceness, of: 0)
        defer { setNiceness(before, of: 0) }
        return try body()
    }

    /// Has the calling thread run before most of what others want to do, from now on: for one whose work is little.
    /// Without CAP_SYS_NICE it waits for its turn.
    /// - Parameter niceness: Negative.
    public static func prefer(niceness: Int32) {
        keepToOneself()
        setNiceness(niceness, of: 0)
    }

    /// Threads that the calling one starts do not inherit its priority.
    private static func keepToOneself() {
        var parameters = sched_param()
        parameters.sched_priority = 0
        // SCHED_RESET_ON_FORK, which glibc declares for _GNU_SOURCE only.
        sched_setscheduler(0, SCHED_OTHER | 0x4000_0000, &parameters)
    }

    private static let oneThread = __priority_which_t(PRIO_PROCESS.rawValue)

    /// The calling thread's.
    public static var niceness: Int32 { getpriority(oneThread, 0) }

    /// Without CAP_SYS_NICE it stays as it is.
    /// - Parameter thread: 0: the calling one.
    private static func setNiceness(_ niceness: Int32, of thread: UInt32) {
        setpriority(oneThread, id_t(thread), niceness)
    }

    /// The same for a thread of another process, which said that number itself: none of any other process's.
    /// - Parameter thread: From `identifier` there.
    public static func setNiceness(_ niceness: Int32, of thread: Int32, in pid: Int32) {
        guard let number = UInt32(exactly: thread), number > 0, Files.exists("/proc/\(pid)/task/\(thread)") else {
            return
        }
        setNiceness(niceness, of: number)
    }
}
