internal import Containers
internal import OS
internal import Synchronization

/// Threads that look into files, because that may wait: for a disk, a network file system, a FUSE daemon that hangs.
/// The event loop never does; it is told what came of a job.
final class ProbePool: Sendable {
    private static let mostThreads = 28

    /// A job that a thread is at.
    private struct Running {
        let thread: Int32
        /// Of its file.
        let device: UInt64?
        let job: ProbeJob
        let isUrgent: Bool
        /// When it has taken long enough to ask whether it goes on at all. CLOCK_MONOTONIC, nanoseconds.
        let suspectAt: Int64
        /// When it was asked last.
        var progress: Threads.Progress?
        /// As far as one can tell, it holds its thread for good: another one was started.
        var isStuck = false
    }

    /// Of a file system that has not answered yet, how many jobs are begun at once.
    private static let mostUnanswered = 3

    private struct Work {
        var running: [UInt64: Running] = [:]
        /// Devices whose files could be looked into.
        var answering: Set<UInt64> = []
        /// Jobs of other devices, beyond the first.
        var waiting: [UInt64: [(UInt64, ProbeJob)]] = [:]
        var nextJob: UInt64 = 0
        var threads = 0
        /// Every thread hangs, and there are as many as there may be.
        var isExhausted = false
    }

    /// What becomes of a job that a thread has taken.
    private enum Start {
        case now
        /// Its file system does not answer.
        case never
        /// Once its file system has answered.
        case later
    }

    private let prober: FileProber
    private let queue = BlockingQueue<(UInt64, ProbeJob)>(urgencies: ProbeJob.urgencies)
    private let work = Mutex(Work())
    private let report: @Sendable (Report) -> Void

    enum Report: Sendable {
        case finding(ProbeFinding)
        case finished(UInt64, ProbeJob, [ProbeOutcome])
        /// It goes on, but nothing is heard of it: its file system does not answer.
        case stuck(ProbeJob)
        /// Every thread hangs: no further file is looked into until one goes on.
        case exhausted
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

    /// Replaces threads that are stuck: after a job's patience, those that have neither computed nor read anything since
    /// they were asked last. To be called now and then.
    func replaceStuckThreads() {
        let now = Clock.monotonic
        let suspects = work.withLock { $0.running.filter { $0.value.suspectAt < now && !$0.value.isStuck } }
        let progress = suspects.mapValues { Threads.Progress(of: $0.thread) }
        let (stuck, missing, dropped) = work.withLock { work in
            var stuck: [Running] = []
            var dropped: [(UInt64, ProbeJob)] = []
            for (job, progress) in progress {
                guard let running = work.running[job] else { continue }
                work.running[job]?.progress = progress
                // Where /proc does not say, its patience decides.
                guard progress == nil || progress == running.progress else { continue }
                work.running[job]?.isStuck = true
                stuck.append(running)
                if let device = running.device { dropped += work.waiting.removeValue(forKey: device) ?? [] }
            }
            return (stuck, stuck.prefix(max(Self.mostThreads - work.threads, 0)).map(\.isUrgent), dropped)
        }
        for running in stuck { report(.stuck(running.job)) }
        for (number, job) in dropped { report(.finished(number, job, [.hung(job)])) }
        for isForUrgent in missing {
            // The host has no room for one just now: later ones may be had.
            do throws(SystemError) { try startThread(isForUrgent: isForUrgent) } catch { break }
        }
        let isNewlyExhausted = work.withLock { work in
            let isExhausted = work.threads >= Self.mostThreads && work.running.values.allSatisfy(\.isStuck)
            defer { work.isExhausted = isExhausted }
            return isExhausted && !work.isExhausted
        }
        if isNewlyExhausted { report(.exhausted) }
    }

    func close() {
        queue.close()
    }

    /// - Parameter isForUrgent: It leaves to others what has time: root folders of containers have many files, and the
    ///   next container's program comes in milliseconds.
    private func startThread(isForUrgent: Bool) throws(SystemError) {
        work.withLock { $0.threads += 1 }
        do throws(SystemError) {
            try startLoop(isForUrgent)
        } catch {
            work.withLock { $0.threads -= 1 }
            throw error
        }
    }

    private func startLoop(_ isForUrgent: Bool) throws(SystemError) {
        try Threads.start(name: "probe") { [self] in
            taking: while let (number, job) = queue.take(urgencies: isForUrgent ? ProbeJob.pressingUrgencies : nil) {
                switch begin(number, job, isForUrgent) {
                case .later: continue
                case .never: report(.finished(number, job, [.hung(job)]))
                case .now:
                    report(.finished(number, job, prober.run(job) { report(.finding($0)) }))
                    if end(number, job) { break taking }
                }
            }
            work.withLock { $0.threads -= 1 }
        }
    }

    private func begin(_ number: UInt64, _ job: ProbeJob, _ isForUrgent: Bool) -> Start {
        work.withLock { work in
            if let device = job.device {
                let others = work.running.values.filter { $0.device == device }
                // One file system may hold as many threads as it has when it begins to hang, and no more; one that never
                // answered, few. A disk's answers: its major number is not 0.
                if others.contains(where: \.isStuck) { return .never }
                if device >> 20 == 0, others.count >= Self.mostUnanswered, !work.answering.contains(device) {
                    work.waiting[device, default: []].append((number, job))
                    return .later
                }
            }
            work.running[number] = Running(
                thread: Threads.identifier, device: job.device, job: job, isUrgent: isForUrgent,
                suspectAt: Clock.monotonic + job.patience)
            return .now
        }
    }

    /// - Returns: Whether another thread has taken this one's place.
    private func end(_ number: UInt64, _ job: ProbeJob) -> Bool {
        let (isReplaced, resumed) = work.withLock { work in
            if let device = job.device { work.answering.insert(device) }
            return (
                work.running.removeValue(forKey: number)?.isStuck == true,
                job.device.flatMap { work.waiting.removeValue(forKey: $0) } ?? []
            )
        }
        if !resumed.isEmpty { queue.put(resumed.map { (element: $0, urgency: $0.1.urgency) }) }
        return isReplaced
    }
}

extension ProbeJob {
    /// Why nothing is heard of its files.
    var hangError: SystemError {
        SystemError("read", subject, code: 0, hint: "its file system does not answer.")
    }

    private var subject: String {
        switch self {
        case .mapped(let candidate), .search(let candidate): candidate.path
        case .path(let path, _): path
        case .copier(let pid, _): "the files of the process \(pid)"
        case .container(let cgroup, _): "the files of the container \(cgroup)"
        case .starting(let container): "the files of the container \(container.id.prefix(12))"
        case .root(let root, _): "the files in \(root)"
        }
    }
}

extension ProbeOutcome {
    fileprivate static func hung(_ job: ProbeJob) -> ProbeOutcome {
        .unreadable(job.hangError)
    }
}
