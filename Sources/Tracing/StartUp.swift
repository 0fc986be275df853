internal import OS

/// Waits for the jobs of the start, but not for ever.
struct StartUp {
    private static let patience: Int64 = 2_000_000_000

    private var readiness: Readiness
    private var pending: Set<UInt64> = []
    private var deadline: Int64 = 0
    private(set) var isFinished = false
    private var isLate = false

    init(readiness: Readiness) {
        self.readiness = readiness
    }

    mutating func begin(_ jobs: [UInt64]) {
        pending = Set(jobs)
        deadline = Clock.monotonic + Self.patience
    }

    /// - Parameter others: Jobs that go on with what this one began.
    mutating func finished(_ job: UInt64, followedBy others: [UInt64]) {
        if pending.remove(job) != nil { pending.formUnion(others) }
    }

    /// The readiness, once: when everything is probed or the time is over.
    mutating func readinessIfDone() -> Readiness? {
        guard !isFinished, pending.isEmpty || Clock.monotonic > deadline else { return nil }
        isFinished = true
        readiness.unfinished = pending.count
        isLate = !pending.isEmpty
        return readiness
    }

    /// The readiness once more, once: when what was not done in time is done.
    mutating func completionIfDone() -> Readiness? {
        guard isLate, pending.isEmpty else { return nil }
        isLate = false
        readiness.unfinished = 0
        return readiness
    }
}
