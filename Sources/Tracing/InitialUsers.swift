internal import OS
internal import Processes
internal import Synchronization

/// Who mapped files when the session began, for files that are probed for another reason: because a loader would find
/// them, or because the user named them.
final class InitialUsers: Sendable {
    private let scan: Mutex<ProcessScan?>

    init(_ scan: ProcessScan) { self.scan = Mutex(scan) }

    /// Later they are others.
    func forget() { scan.withLock { $0 = nil } }

    /// - Returns: nil for a file that nobody mapped.
    func candidate(for file: RegularFile) -> ProbeJob.MappedCandidate? {
        guard let scan = scan.withLock({ $0 }), let mapped = scan.file(file) else { return nil }
        return ProbeJob.MappedCandidate(
            identity: mapped.identity, path: mapped.path, mappedAt: nil, users: mapped.users, isWanted: true)
    }
}
