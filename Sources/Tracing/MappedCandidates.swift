internal import OS
internal import Processes

/// Which mapped files are still to be looked into. One mapping of libc after the other comes along; only a file not
/// met before, or one that may be new under an old inode number, is worth a job.
struct MappedCandidates {
    private enum State {
        case pending
        /// Probed: its inode is held, so its number can't be another file's.
        case traced(ProbedFile)
        /// The path's hash: paths have up to 4 KB.
        case settled(path: Int, at: Int64)
    }

    /// Mappings of a file that is being looked into.
    struct Waiting {
        /// When each was made, of the first ones.
        private(set) var times: [Int64] = []
        private(set) var further: UInt64 = 0
        /// For whom the file was last asked for.
        fileprivate var lastPID: UInt32?

        /// A process can map a file again and again.
        private static let mostTimes = 64

        var count: UInt64 { UInt64(times.count) + further }

        mutating func add(_ time: Int64) {
            if times.count < Self.mostTimes { times.append(time) } else { further += 1 }
        }
    }

    /// An inode number may be given to a new file; looking again costs some microseconds.
    private static let trust: Int64 = 1_000_000_000
    /// Hostile processes can map any number of files.
    private static let most = 1 << 17

    /// nil: all processes.
    private let pids: Set<UInt32>?
    private var states: [FileIdentity: State] = [:]
    /// Mappings since the last `settle` of files that are being looked into.
    private var waiting: [FileIdentity: Waiting] = [:]
    /// How many files were settled since such were forgotten last: to look for them costs a pass over all.
    private var settled = 0
    /// Files that were passed over because so many others are being looked into.
    private var passedOver: UInt64 = 0

    /// Whether not everybody's files are probed.
    private let isNarrowed: Bool

    init(pids: Set<UInt32>?, isNarrowed: Bool = false) {
        self.pids = pids
        self.isNarrowed = isNarrowed
    }

    /// What is to be done about a mapping.
    enum Verdict {
        case nothing
        case look(ProbeJob.MappedCandidate)
        /// It is probed already.
        case traced(ProbedFile, FileIdentity, ProcessScan.User)
    }

    /// Whether a file is probed, or about to be, for the sake of other processes.
    func isProbedOrPending(_ mapping: ExecutableMapping) -> Bool {
        switch states[FileIdentity(device: mapping.device, inode: mapping.inode)] {
        case .pending, .traced: true
        case .settled, nil: false
        }
    }

    mutating func verdict(on mapping: ExecutableMapping) -> Verdict {
        if let pids, !pids.contains(mapping.pid) { return .nothing }
        // The kernel reports -1 where the process has ended already (kernel/events/core.c, perf_event_pid_type).
        guard let pid = Int32(exactly: mapping.pid) else { return .nothing }
        let identity = FileIdentity(device: mapping.device, inode: mapping.inode)
        // Its threads are looked at when the file turns out to be one to probe.
        let user = ProcessScan.User(
            pid: pid, range: MappedRange(start: mapping.start, end: mapping.end, offset: 0), mayBeInFault: true)
        if case .traced(let file) = states[identity] { return .traced(file, identity, user) }
        if case .pending = states[identity] {
            // It may wait in another user's line, or that one may have no room for it.
            guard waiting[identity]?.lastPID != mapping.pid else {
                waiting[identity]?.add(mapping.time)
                return .nothing
            }
        } else {
            guard isNew(identity, path: mapping.path) else { return .nothing }
            waiting[identity] = nil
        }
        waiting[identity, default: Waiting()].add(mapping.time)
        waiting[identity]?.lastPID = mapping.pid
        return .look(
            ProbeJob.MappedCandidate(identity: identity, path: mapping.path, mappedAt: mapping.time, users: [user]))
    }

    mutating func candidate(for file: ProcessScan.File) -> ProbeJob.MappedCandidate? {
        let users = pids.map { pids in file.users.filter { pids.contains(UInt32(bitPattern: $0.pid)) } } ?? file.users
        guard !users.isEmpty, isNew(file.identity, path: file.path) || isPendingForOthers(file.identity) else {
            return nil
        }
        return ProbeJob.MappedCandidate(identity: file.identity, path: file.path, mappedAt: nil, users: users)
    }

    /// - Returns: How processes mapped the file that had to wait for the outcome; nil where it is probed already, for the
    ///   sake of another process.
    @discardableResult
    mutating func settle(_ candidate: ProbeJob.MappedCandidate, _ outcome: ProbeOutcome) -> Waiting? {
        if case .traced = states[candidate.identity], !outcome.isTraced { return nil }
        switch outcome {
        case .traced(let file, _):
            states[candidate.identity] = .traced(file)
        case .changing, .unsearched, .pending:
            // It is looked into again, or further.
            states[candidate.identity] = .pending
            return Waiting()
        case .vanished, .unreadable, .crowded, .avoided, .copying, .copierEnded:
            // The next process that maps it may be there for longer, and what it must be spared for may be gone.
            states[candidate.identity] = nil
        case .noLibrary, .refused, .untraced(_?, _):
            settled += 1
            states[candidate.identity] = .settled(path: candidate.path.hashValue, at: Clock.monotonic)
        case .untraced(nil, _):
            // The next process that maps it may be wanted.
            states[candidate.identity] = nil
        case .unwanted:
            states[candidate.identity] = nil
            // The last process that mapped it is looked at by a job of its own.
            guard waiting[candidate.identity]?.lastPID == candidate.users.first.map({ UInt32(bitPattern: $0.pid) })
            else { return Waiting() }
            waiting[candidate.identity] = nil
        }
        return waiting.removeValue(forKey: candidate.identity) ?? Waiting()
    }

    /// - Returns: How many mapped files were passed over because there were too many others, once.
    mutating func takePassedOver() -> UInt64 {
        defer { passedOver = 0 }
        return passedOver
    }

    /// Forgets a file that is no longer probed.
    mutating func forget(_ identities: Set<FileIdentity>) {
        for identity in identities { states[identity] = nil }
    }

    /// Whether it is looked into for a process that may not be wanted.
    private func isPendingForOthers(_ identity: FileIdentity) -> Bool {
        if isNarrowed, case .pending = states[identity] { true } else { false }
    }

    private mutating func isNew(_ identity: FileIdentity, path: String) -> Bool {
        switch states[identity] {
        case .pending, .traced: return false
        case .settled(let known, let at):
            if known == path.hashValue && Clock.monotonic - at < Self.trust { return false }
        case nil: break
        }
        if states.count >= Self.most, settled >= Self.most / 16 {
            states = states.filter { if case .settled = $0.value { false } else { true } }
            settled = 0
        }
        // Nearly all are waiting: this one is looked at when it is mapped again.
        guard states.count < Self.most else {
            passedOver += 1
            return false
        }
        states[identity] = .pending
        return true
    }
}
