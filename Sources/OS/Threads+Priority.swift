internal import Glibc

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

    /// Does `body` as work that has no priority, where the calling thread has one.
    public static func withoutPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withNiceness(max(niceness, 0), body)
    }

    private static func withNiceness<Result>(_ niceness: Int32, _ body: () throws -> Result) rethrows -> Result {
        let before = Self.niceness
        setNiceness(niceness, of: 0)
        defer { setNiceness(before, of: 0) }
        return try body()
    }

    private static let oneThread = __priority_which_t(PRIO_PROCESS.rawValue)

    /// The calling thread's.
    public static var niceness: Int32 { getpriority(oneThread, 0) }

    /// Without CAP_SYS_NICE it stays as it is.
    /// - Parameter thread: Of any process, from `identifier` there; 0: the calling one.
    public static func setNiceness(_ niceness: Int32, of thread: Int32) {
        setpriority(oneThread, id_t(thread), niceness)
    }
}
