internal import OS
internal import Synchronization

/// Threads that look into files, because that may wait: for a disk, a network file system, a FUSE daemon that hangs.
/// The event loop never does; it is told what came of a job.
final class ProbePool: Sendable {
    private static let mostThreads = 28

    private struct Work {
        /// When a job at work has taken so long that, as far as one can tell, it holds its thread for good: another one
        /// is started. CLOCK_MONOTONIC, nanoseconds.
        var stuckAt: [UInt64: Int64] = [:]
        var devices: [UInt64: UInt64] = [:]
        var abandoned: Set<UInt64> = []
        /// Jobs at work on threads for what is urgent.
        var urgent: Set<UInt64> = []
        /// Of jobs that are at work for too long, the devices of their files.
        var hungDevices: [UInt64: UInt64] = [:]
        var nextJob: UInt64 = 0
        var threads = 0
    }

    private let prober: FileProber
    private let queue = BlockingQueue<(UInt64, ProbeJob)>(urgencies: ProbeJob.urgencies)
    private let work = Mutex(Work())
    private let report: @Sendable (Report) -> Void

    enum Report: Sendable {
        case finding(ProbeFinding)
        case finished(UInt64, ProbeJob, [ProbeOutcome])
    }

    /// - Parameter report: Called on one of the threads.
    init(
        prober: FileProber, threads: Int, report: @escaping @Sendable (Report) -> Void
    ) throws(SystemError) {
        self.prober = prober
        self.report = report
        for number in 0..<threads { try startThread(isForUrgent: number % 2 == 0) }
    }

    /// - Returns: The jobs' numbers, which come back with their outcomes.
    func submit(_ jobs: [ProbeJob]) -> [UInt64] {
        let first = work.withLock { work in
            work.nextJob += UInt64(jobs.count)
            return work.nextJob - UInt64(jobs.count) + 1
        }
        let numbered = Array(zip(first..., jobs))
        queue.put(numbered.map { (element: $0, urgency: $0.1.urgency) })
        return numbered.map(\.0)
    }

    /// Replaces threads that are stuck. To be called now and then.
    func replaceStuckThreads() throws(SystemError) {
        let now = Clock.monotonic
        let missing = work.withLock { work -> [Bool] in
            let stuck = work.stuckAt.filter { $0.value < now && !work.abandoned.contains($0.key) }
            work.abandoned.formUnion(stuck.keys)
            for job in stuck.keys { work.hungDevices[job] = work.devices[job] }
            return stuck.keys.map(work.urgent.contains).prefix(max(Self.mostThreads - work.threads, 0)).map(\.self)
        }
        for isForUrgent in missing { try startThread(isForUrgent: isForUrgent) }
    }

    func close() {
        queue.close()
    }

    /// - Parameter isForUrgent: It leaves to others what has time: root folders of containers have many files, and the
    ///   next container's program comes in milliseconds.
    private func startThread(isForUrgent: Bool) throws(SystemError) {
        work.withLock { $0.threads += 1 }
        try Threads.startApart(name: "probe") { [self] in
            while let (number, job) = queue.take(urgencies: isForUrgent ? ProbeJob.pressingUrgencies : nil) {
                let isHung = work.withLock { work in
                    if isForUrgent { work.urgent.insert(number) }
                    work.stuckAt[number] = Clock.monotonic + job.patience
                    work.devices[number] = job.device
                    return job.device.map(work.hungDevices.values.contains) ?? false
                }
                // One file system may hold as many threads as it has when it begins to hang, and no more.
                report(.finished(number, job, isHung ? [.vanished] : prober.run(job) { report(.finding($0)) }))
                let isReplaced = work.withLock { work in
                    work.stuckAt[number] = nil
                    work.urgent.remove(number)
                    work.devices[number] = nil
                    work.hungDevices[number] = nil
                    return work.abandoned.remove(number) != nil
                }
                if isReplaced { break }
            }
            work.withLock { $0.threads -= 1 }
        }
    }
}
