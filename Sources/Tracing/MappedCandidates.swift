internal import OS
internal import Processes

/// Which mapped files are still to be looked into. One mapping of libc after the other comes along; only a file not
/// met before, or one that may be new under an old inode number, is worth a job.
struct MappedCandidates {
    private enum State {
        case pending
        /// Probed: its inode is held, so its number can't be another file's.
        case traced(ProbedFile)
        case settled(path: String, at: Int64)
    }

    /// An inode number may be given to a new file; looking again costs some microseconds.
    private static let trust: Int64 = 1_000_000_000
    /// Hostile processes can map any number of files.
    private static let most = 1 << 17

    /// nil: all processes.
    private let pids: Set<UInt32>?
    private var states: [FileIdentity: State] = [:]
    /// Mappings since the last `settle` of files that are being looked into: when each was made.
    private var waiting: [FileIdentity: [Int64]] = [:]

    /// Whether not everybody's files are probed.
    private let isNarrowed: Bool
    /// Who mapped a file while it was looked into for others, and when; only where those may turn out not to be wanted.
    private var arrivals: [FileIdentity: [(user: ProcessScan.User, at: Int64?)]] = [:]
    /// Of all files.
    private var arrivalCount = 0
    /// Files that more processes mapped than are kept: one of those may be wanted.
    private var crowded: Set<FileIdentity> = []
    private static let mostArrivals = 1 << 14

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
        let user = ProcessScan.User(
            pid: pid, range: MappedRange(start: mapping.start, end: mapping.end, offset: 0))
        if case .traced(let file) = states[identity] { return .traced(file, identity, user) }
        if case .pending = states[identity] {
            waiting[identity, default: []].append(mapping.time)
            note([user], at: mapping.time, of: identity)
        }
        guard isNew(identity, path: mapping.path) else { return .nothing }
        waiting[identity] = [mapping.time]
        return .look(
            ProbeJob.MappedCandidate(identity: identity, path: mapping.path, mappedAt: mapping.time, users: [user]))
    }

    mutating func candidate(for file: ProcessScan.File) -> ProbeJob.MappedCandidate? {
        let users = pids.map { pids in file.users.filter { pids.contains(UInt32(bitPattern: $0.pid)) } } ?? file.users
        if case .pending = states[file.identity] { note(users, at: nil, of: file.identity) }
        guard !users.isEmpty, isNew(file.identity, path: file.path) else { return nil }
        return ProbeJob.MappedCandidate(identity: file.identity, path: file.path, mappedAt: nil, users: users)
    }

    /// - Returns: When processes mapped the file that had to wait for the outcome.
    mutating func settle(_ candidate: ProbeJob.MappedCandidate, _ outcome: ProbeOutcome) -> [Int64] {
        switch outcome {
        case .traced(let file, _):
            states[candidate.identity] = .traced(file)
        case .changing, .unsearched, .pending:
            // It is looked into again, or further.
            states[candidate.identity] = .pending
            return []
        case .vanished, .unreadable, .avoided, .copying, .copierEnded:
            // The next process that maps it may be there for longer, and what it must be spared for may be gone.
            states[candidate.identity] = nil
        case .noLibrary, .refused:
            states[candidate.identity] = .settled(path: candidate.path, at: Clock.monotonic)
        case .unwanted:
            states[candidate.identity] = nil
            waiting[candidate.identity] = nil
            return []
        }
        _ = takeArrivals(of: candidate.identity)
        return waiting.removeValue(forKey: candidate.identity) ?? []
    }

    /// Those who mapped a file while it was looked into for others, who are not wanted.
    /// - Returns: nil: none did.
    mutating func others(than candidate: ProbeJob.MappedCandidate) -> ProbeJob.MappedCandidate? {
        let (arrived, isCrowded) = takeArrivals(of: candidate.identity)
        guard !arrived.isEmpty, isNew(candidate.identity, path: candidate.path) else { return nil }
        let times = arrived.compactMap(\.at)
        waiting[candidate.identity] = times
        var others = ProbeJob.MappedCandidate(
            identity: candidate.identity, path: candidate.path, mappedAt: times.first, users: arrived.map(\.user))
        if isCrowded { others.isWanted = true }
        return others
    }

    private mutating func note(_ users: [ProcessScan.User], at time: Int64?, of identity: FileIdentity) {
        guard isNarrowed, !users.isEmpty else { return }
        // One of each file, by which it can be opened.
        let room = Self.mostArrivals - arrivalCount
        let kept = users.prefix(max(room, arrivals[identity] == nil ? 1 : 0))
        if kept.count < users.count { crowded.insert(identity) }
        arrivals[identity, default: []] += kept.map { ($0, time) }
        arrivalCount += kept.count
    }

    private mutating func takeArrivals(
        of identity: FileIdentity
    ) -> (arrived: [(user: ProcessScan.User, at: Int64?)], isCrowded: Bool) {
        let arrived = arrivals.removeValue(forKey: identity) ?? []
        arrivalCount -= arrived.count
        return (arrived, crowded.remove(identity) != nil)
    }

    /// Forgets a file that is no longer probed.
    mutating func forget(_ identities: Set<FileIdentity>) {
        for identity in identities { states[identity] = nil }
    }

    private mutating func isNew(_ identity: FileIdentity, path: String) -> Bool {
        switch states[identity] {
        case .pending, .traced: return false
        case .settled(let known, let at):
            if known == path && Clock.monotonic - at < Self.trust { return false }
        case nil: break
        }
        if states.count >= Self.most {
            states = states.filter { if case .settled = $0.value { false } else { true } }
            // All are waiting: this one is looked at when it is mapped again.
            guard states.count < Self.most else { return false }
        }
        states[identity] = .pending
        return true
    }
}
