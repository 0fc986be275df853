internal import OS
internal import Processes

/// Which mapped files are still to be looked into. One mapping of libc after the other comes along; only a file not
/// met before, or one that may be new under an old inode number, is worth a job.
struct MappedCandidates {
    private enum State {
        case pending
        /// Probed: its inode is held, so its number can't be another file's.
        case traced
        case settled(path: String, at: Int64)
    }

    /// An inode number may be given to a new file; looking again costs some microseconds.
    private static let trust: Int64 = 1_000_000_000
    /// Hostile processes can map any number of files.
    private static let most = 1 << 17

    /// nil: all processes.
    private let pids: Set<UInt32>?
    private var states: [FileIdentity: State] = [:]

    init(pids: Set<UInt32>?) {
        self.pids = pids
    }

    mutating func candidate(for mapping: ExecutableMapping) -> ProbeJob.MappedCandidate? {
        if let pids, !pids.contains(mapping.pid) { return nil }
        let identity = FileIdentity(device: mapping.device, inode: mapping.inode)
        guard isNew(identity, path: mapping.path) else { return nil }
        let range = MappedRange(start: mapping.start, end: mapping.end, offset: 0)
        return ProbeJob.MappedCandidate(
            identity: identity, path: mapping.path,
            users: [ProcessScan.User(pid: Int32(mapping.pid), range: range)])
    }

    mutating func candidate(for file: ProcessScan.File) -> ProbeJob.MappedCandidate? {
        guard isNew(file.identity, path: file.path) else { return nil }
        return ProbeJob.MappedCandidate(identity: file.identity, path: file.path, users: file.users)
    }

    mutating func settle(_ job: ProbeJob, _ outcomes: [ProbeOutcome]) {
        guard case .mapped(let candidate) = job, let outcome = outcomes.first else { return }
        switch outcome {
        case .traced:
            states[candidate.identity] = .traced
        case .vanished, .unreadable, .pending:
            // The next process that maps it may be there for longer.
            states[candidate.identity] = nil
        case .noLibrary, .refused:
            states[candidate.identity] = .settled(path: candidate.path, at: Clock.monotonic)
        }
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
