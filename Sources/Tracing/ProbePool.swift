internal import Containers
internal import Inspection
internal import OS
internal import Synchronization

/// Threads that look into files, because that may wait: for a disk, a network file system, a FUSE daemon that hangs.
/// The event loop never does; it is told what came of a job.
final class ProbePool: Sendable {
    private static let mostThreads = 28
    /// How many threads that one owner's jobs hold for good are replaced by others that he may use.
    private static let mostForgiven = 4

    /// A job that a thread is at.
    private struct Running {
        let entry: ProbeQueue.Entry
        let thread: Int32
        /// Of its file.
        let device: UInt64?
        let isUrgent: Bool
        /// When it has taken long enough to ask whether it goes on at all. CLOCK_MONOTONIC, nanoseconds.
        let suspectAt: Int64
        /// When it was asked last.
        var progress: Threads.Progress?
        /// As far as one can tell, it holds its thread for good: another one was started.
        var isStuck = false
        /// Its owner may use another thread instead.
        var isForgiven = false

        var job: ProbeJob { entry.work.job }
    }

    /// Of a file system that has not answered yet, how many jobs are begun at once.
    private static let mostUnanswered = 3
    /// How many others wait for its answer.
    private static let mostWaiting = 1 << 12

    private struct Threading {
        var running: [UInt64: Running] = [:]
        /// Devices whose files could be looked into.
        var answering: Set<UInt64> = []
        /// Jobs of other devices, beyond the first.
        var waiting: [UInt64: [ProbeQueue.Entry]] = [:]
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
        /// Too many wait for that.
        case crowded
    }

    private let prober: FileProber
    private let queue: ProbeQueue
    private let work = Mutex(Threading())
    private let report: @Sendable (Report) -> Void

    enum Report: Sendable {
        case finding(ProbeFinding)
        case finished(UInt64, ProbeJob, WorkOwner, [ProbeOutcome])
        /// What the user should know.
        case notice(String)
        /// It goes on, but nothing is heard of it: its file system does not answer.
        case stuck(ProbeJob, WorkOwner)
        /// Every thread hangs: no further file is looked into until one goes on.
        case exhausted
    }

    /// - Parameter report: Called on one of the threads.
    init(
        prober: FileProber, threads: Int, report: @escaping @Sendable (Report) -> Void
    ) throws(SystemError) {
        self.prober = prober
        self.report = report
        queue = ProbeQueue(threads: threads)
        for number in 0..<threads { try startThread(isForUrgent: number % 2 == 0) }
    }

    /// - Returns: The jobs' numbers, which come back with their outcomes.
    func submit(_ jobs: [ProbeJob]) -> [UInt64] {
        let first = work.withLock { work in
            work.nextJob += UInt64(jobs.count)
            return work.nextJob - UInt64(jobs.count) + 1
        }
        let numbered = zip(first..., jobs).map { ProbeQueue.Work(number: $0, job: $1) }
        for work in queue.put(numbered) { refuse(work, work.job.owner) }
        return numbered.map(\.number)
    }

    /// Its owner has too many jobs.
    private func refuse(_ work: ProbeQueue.Work, _ owner: WorkOwner) {
        // Nobody is to wait for what this one would have found out.
        if case .container(let cgroup, _) = work.job { report(.finding(.container(cgroup: cgroup, nil))) }
        report(.finished(work.number, work.job, owner, [.crowded(.waiting(owner))]))
    }

    /// Does what is due, once the start is over. To be called now and then; does not wait.
    func checkNowAndThen() {
        prober.initialUsers.forget()
        replaceStuckThreads()
        prober.inspector.closeIdle()
        prober.attachments.check { self.report(.notice($0)) }
    }

    /// Replaces threads that are stuck: after a job's patience, those that have neither computed nor read anything since
    /// they were asked last.
    private func replaceStuckThreads() {
        let now = Clock.monotonic
        let suspects = work.withLock { $0.running.filter { $0.value.suspectAt < now && !$0.value.isStuck } }
        let progress = suspects.mapValues { Threads.Progress(of: $0.thread) }
        let (stuck, missing, dropped, forgiven) = work.withLock { work in
            var stuck: [Running] = []
            var dropped: [ProbeQueue.Entry] = []
            var forgiven: [ProbeQueue.Entry] = []
            for (job, progress) in progress {
                guard let running = work.running[job] else { continue }
                work.running[job]?.progress = progress
                // Where /proc does not say, its patience decides.
                guard progress == nil || progress == running.progress else { continue }
                work.running[job]?.isStuck = true
                stuck.append(running)
                let owner = running.entry.owner
                if work.running.values.count(where: { $0.isForgiven && $0.entry.owner == owner }) < Self.mostForgiven {
                    work.running[job]?.isForgiven = true
                    forgiven.append(running.entry)
                }
                if let device = running.device { dropped += work.waiting.removeValue(forKey: device) ?? [] }
            }
            return (stuck, stuck.prefix(max(Self.mostThreads - work.threads, 0)).map(\.isUrgent), dropped, forgiven)
        }
        for running in stuck { report(.stuck(running.job, running.entry.owner)) }
        for entry in dropped { finish(entry, [.hung(entry.work.job)]) }
        for entry in forgiven { queue.finished(entry) }
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
        prober.quickAttach.close()
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
            taking: while let entry = queue.take(isForPressing: isForUrgent, refuse: refuse) {
                let job = entry.work.job
                switch begin(entry, isForUrgent) {
                case .later: queue.finished(entry)
                case .crowded:
                    queue.finished(entry)
                    refuse(entry.work, entry.owner)
                case .never:
                    queue.finished(entry)
                    finish(entry, [.hung(job)])
                case .now:
                    finish(entry, prober.with(owner: entry.owner).run(job) { report(.finding($0)) })
                    if end(entry) { break taking }
                }
            }
            work.withLock { $0.threads -= 1 }
        }
    }

    private func finish(_ entry: ProbeQueue.Entry, _ outcomes: [ProbeOutcome]) {
        report(.finished(entry.work.number, entry.work.job, entry.owner, outcomes))
    }

    private func begin(_ entry: ProbeQueue.Entry, _ isForUrgent: Bool) -> Start {
        let job = entry.work.job
        return work.withLock { work in
            if let device = job.device {
                let others = work.running.values.filter { $0.device == device }
                // A disk's answers: its major number is not 0.
                let isAnswering = device >> 20 != 0 || work.answering.contains(device)
                // One file system may hold as many threads as it has when it begins to hang, and no more; one that never
                // answered, few. Of one that has answered it may be a process that holds the thread, and that is told
                // of its owner's files alone.
                if others.contains(where: { $0.isStuck && (!isAnswering || $0.entry.owner == entry.owner) }) {
                    return .never
                }
                if !isAnswering, others.count >= Self.mostUnanswered {
                    guard work.waiting[device, default: []].count < Self.mostWaiting else { return .crowded }
                    work.waiting[device, default: []].append(entry)
                    return .later
                }
            }
            work.running[entry.work.number] = Running(
                entry: entry, thread: Threads.identifier, device: job.device, isUrgent: isForUrgent,
                suspectAt: Clock.monotonic + job.patience)
            return .now
        }
    }

    /// - Returns: Whether another thread has taken this one's place.
    private func end(_ entry: ProbeQueue.Entry) -> Bool {
        let (running, resumed) = work.withLock { work in
            if let device = entry.work.job.device { work.answering.insert(device) }
            return (
                work.running.removeValue(forKey: entry.work.number),
                entry.work.job.device.flatMap { work.waiting.removeValue(forKey: $0) } ?? []
            )
        }
        if running?.isForgiven != true { queue.finished(entry) }
        for entry in resumed where !queue.putBack(entry) { refuse(entry.work, entry.owner) }
        return running?.isStuck == true
    }
}

extension ProbeJob {
    /// Why nothing is heard of its files.
    var hangError: SystemError {
        SystemError("read", subject, code: 0, hint: "its file system, or a process that maps it, does not answer.")
    }

    private var subject: String {
        switch self {
        case .mapped(let candidate), .search(let candidate): candidate.path
        case .path(let path, _): path
        case .copier(let pid, _): "the files of the process \(pid)"
        case .container(let cgroup, _): "the files of the container \(cgroup)"
        case .starting(let container): "the files of the container \(container.id.prefix(12))"
        case .root(let root, _): "the files in \(root)"
        case .rest(let rest): "the files of the container \(rest.container)"
        }
    }
}

extension ProbeOutcome {
    fileprivate static func hung(_ job: ProbeJob) -> ProbeOutcome {
        .unreadable(job.hangError)
    }
}
