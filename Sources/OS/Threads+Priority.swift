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
        try withNiceness(highPriority, body)
    }

    /// The same on half of the processors at a time, and on all for a moment now and then: what users can have done as
    /// often as they like leaves others the rest. Beyond that, `body` waits for its turn.
    public static func withSharedHighPriority<Result>(_ body: () throws -> Result) rethrows -> Result {
        let begun = Clock.monotonic
        guard let share = shares.withLock({ $0.take(at: begun) }) else { return try body() }
        defer { shares.withLock { $0.giveBack(share, begun: begun, now: Clock.monotonic) } }
        return try withHighPriority(body)
    }

    private static let shares = Mutex(PriorityShares(most: max(Host.processorCount / 2, 1), at: Clock.monotonic))

    /// Niceness.
    fileprivate static let highPriority: Int32 = -10

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

    /// Has the calling thread run behind those of a lower niceness, from now on.
    /// - Parameter niceness: Without CAP_SYS_NICE it stays as it is where this is lower than its own.
    public static func setNiceness(_ niceness: Int32) { setNiceness(niceness, of: 0) }

    private static let oneThread = __priority_which_t(PRIO_PROCESS.rawValue)

    /// The calling thread's.
    public static var niceness: Int32 { getpriority(oneThread, 0) }

    /// Without CAP_SYS_NICE it stays as it is.
    /// - Parameter thread: 0: the calling one.
    fileprivate static func setNiceness(_ niceness: Int32, of thread: UInt32) {
        setpriority(oneThread, id_t(thread), niceness)
    }
}

extension HelperProcess {
    /// Has its first thread, and those that this one starts from now on, run before most of what others want to do.
    /// Without CAP_SYS_NICE they wait for their turn. Only before anybody waits for its end: its number is another
    /// process's afterwards.
    public func setHighPriority() {
        guard let thread = UInt32(exactly: pid) else { return }
        Threads.setNiceness(Threads.highPriority, of: thread)
    }
}
