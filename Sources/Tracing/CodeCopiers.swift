internal import LibBPF
internal import Processes
internal import Synchronization

/// Processes that copy or interpret code, and the files that they map or are about to: those are not probed, because a
/// uprobe is for a file in all processes.
final class CodeCopiers: Sendable {
    private struct Known {
        let identity: ProcessIdentity
        let copier: CodeCopier
        let owner: WorkOwner
        var files: Set<InodeIdentity> = []
    }

    private struct State {
        var processes: [Int32: Known] = [:]
        var users: [InodeIdentity: Set<Int32>] = [:]
        /// Programs that copy themselves when they are started so, and the last process that was.
        var programs: [InodeIdentity: (pid: Int32, copier: CodeCopier)] = [:]
        var counts: [WorkOwner: Int] = [:]
    }

    /// Any user can start such processes, and root's are to find room whatever users do.
    static let mostOfOwner = 512
    private static let mostOfOthers = 4096
    private static let mostFilesOfProcess = 1 << 12
    private static let mostPrograms = 1 << 16

    /// The only processes that get breakpoints; nil: all.
    private let limit: ProcessLimit?
    private let state = Mutex(State())

    init(limit: ProcessLimit?) {
        self.limit = limit
    }

    /// Whether a probe could do harm to a process.
    func concerns(_ pid: Int32) -> Bool { limit?.pids.contains(pid) ?? true }

    /// - Parameter owner: Whose process it is.
    /// - Throws: `OwnersLimit`.
    func add(
        _ process: ProcessIdentity, _ copier: CodeCopier, of owner: WorkOwner, files: [InodeIdentity]
    ) throws(OwnersLimit) {
        let isAdded = state.withLock { state in
            if state.processes[process.pid]?.identity != process { Self.remove(process.pid, from: &state) }
            if state.processes[process.pid] == nil {
                let ofHost = state.counts[.host, default: 0]
                guard
                    owner == .host
                        || state.counts[owner, default: 0] < Self.mostOfOwner
                            && state.processes.count - ofHost < Self.mostOfOthers
                else { return false }
                state.counts[owner, default: 0] += 1
            }
            var known = Known(identity: process, copier: copier, owner: owner)
            known.files = state.processes[process.pid]?.files ?? []
            // The next one would copy itself before a probe can be taken out.
            if copier.copiesItselfAtStart, state.programs.count < Self.mostPrograms {
                for file in files { state.programs[file] = (process.pid, copier) }
            }
            for file in files where known.files.count < Self.mostFilesOfProcess {
                known.files.insert(file)
                state.users[file, default: []].insert(process.pid)
            }
            state.processes[process.pid] = known
            return true
        }
        if !isAdded { throw .copiers(owner) }
    }

    func remove(_ pid: Int32) {
        state.withLock { Self.remove(pid, from: &$0) }
    }

    private static func remove(_ pid: Int32, from state: inout State) {
        guard let known = state.processes.removeValue(forKey: pid) else { return }
        let count = state.counts[known.owner, default: 1] - 1
        state.counts[known.owner] = count > 0 ? count : nil
        for file in known.files {
            state.users[file]?.remove(pid)
            if state.users[file]?.isEmpty == true { state.users[file] = nil }
        }
    }

    func contains(_ pid: Int32) -> Bool { state.withLock { $0.processes[pid] != nil } }

    /// What a process that is there is known as.
    func copier(_ pid: Int32) -> CodeCopier? {
        guard let process = state.withLock({ $0.processes[pid] }), process.identity.isCurrent else { return nil }
        return process.copier
    }

    var all: [Int32] { state.withLock { Array($0.processes.keys) } }

    /// A process that keeps a file from being probed.
    func user(of file: InodeIdentity) -> (pid: Int32, copier: CodeCopier)? {
        let users = state.withLock { state in
            state.users[file, default: []].compactMap { state.processes[$0] }
        }
        return users.first { $0.identity.isCurrent }.map { ($0.identity.pid, $0.copier) }
            ?? state.withLock { $0.programs[file] }
    }
}
