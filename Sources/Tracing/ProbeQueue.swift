internal import OS

/// Jobs that wait for the probing threads, each owner's in a line of its own.
final class ProbeQueue: Sendable {
    struct Work: Sendable {
        let number: UInt64
        let job: ProbeJob
    }

    typealias Entry = FairQueue<Work>.Entry

    /// How many jobs of an owner wait at a time, with paths of up to 4 KB. root's are all files of the host at the start,
    /// and nobody has seen then that they are.
    static func mostWaiting(of owner: WorkOwner) -> Int { owner == .host || owner.isPending ? 1 << 16 : 1 << 12 }

    /// Threads of these groups wait for different jobs.
    private static let (all, pressing) = (0, 1)

    private let queue: Awaited<FairQueue<Work>>

    /// - Parameter threads: How many there are, half of which do only what is done in a moment.
    init(threads: Int) {
        // Threads are left for two other owners at any time, of both kinds; and beside root's jobs, of which a host has
        // thousands when a session begins, for one.
        queue = Awaited(
            FairQueue(urgencies: ProbeJob.urgencies, pressing: ProbeJob.pressingUrgencies) { owner in
                let isRoot = owner == .host
                return .init(
                    pressing: max(isRoot ? threads * 5 / 6 : threads / 3, 1),
                    long: max(isRoot ? threads / 3 : threads / 6, 1), waiting: Self.mostWaiting(of: owner))
            }, groups: 2)
    }

    /// - Returns: What there is no room for.
    func put(_ work: [Work]) -> [Work] {
        put(work.map { ($0, $0.job.owner) })
    }

    /// Puts back what was taken.
    /// - Returns: Whether there was room.
    func putBack(_ entry: Entry) -> Bool { put([(entry.work, entry.owner)]).isEmpty }

    private func put(_ work: [(Work, WorkOwner)]) -> [Work] {
        queue.change { queue in
            var crowded: [Work] = []
            var waking = [0, 0]
            for (work, owner) in work {
                let urgency = work.job.urgency
                guard queue.add(work, of: owner, urgency: urgency) else {
                    crowded.append(work)
                    continue
                }
                // Which of the two groups comes first takes it.
                waking[Self.all] += 1
                if queue.isPressing(urgency) { waking[Self.pressing] += 1 }
            }
            return (crowded, waking)
        }
    }

    /// Waits for the next job, whose owner is known then. `finished` is to be told when its thread is free again.
    /// - Parameters:
    ///   - isForPressing: Whether the thread leaves to others what may take long.
    ///   - refuse: Is told of jobs for which there turned out to be no room, and whose they are.
    /// - Returns: nil once the queue is closed.
    func take(isForPressing: Bool, refuse: (Work, WorkOwner) -> Void) -> Entry? {
        let group = isForPressing ? Self.pressing : Self.all
        while let taken = queue.wait(inGroup: group, { $0.take(isForPressing: isForPressing) }) {
            guard taken.owner.isPending else { return taken }
            let owner = taken.owner.resolved
            let (next, crowded) = queue.change { ($0.resolve(taken, as: owner), []) }
            for work in crowded { refuse(work, owner) }
            if let next { return next }
        }
        return nil
    }

    /// The job's thread is free, or counts no longer.
    func finished(_ entry: Entry) {
        queue.change { queue in
            guard queue.finished(entry) else { return ((), []) }
            // This thread may take something else first, or nothing that takes long.
            return ((), queue.isPressing(entry.urgency) ? [1, 1] : [1, 0])
        }
    }

    func close() { queue.close() }
}
