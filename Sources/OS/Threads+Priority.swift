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

    /// Does `body` before most of what others want to do: a moment's work that is of no use later. Without CAP_SYS_NICE it
    /// waits for its turn.
    public static func withHighPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withNiceness(-10, body)
    }

    private static func withNiceness<Result>(_ niceness: Int32, _ body: () throws -> Result) rethrows -> Result {
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        // 0: this thread.
        let before = getpriority(process, 0)
        setpriority(process, 0, niceness)
        defer { setpriority(process, 0, before) }
        return try body()
    }
}

extension Threads {
    /// The calling thread's.
    public static var niceness: Int32 { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }

    /// Without CAP_SYS_NICE it stays as it is.
    /// - Parameter thread: Of any process, from `identifier` there.
    public static func setNiceness(_ niceness: Int32, of thread: Int32) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread), niceness)
    }
}
