internal import LibBPF
internal import Processes
internal import Synchronization

/// Processes that copy or interpret code, and the files that they map or are about to: those are not probed, because a
/// uprobe is for a file in all processes.
final class CodeCopiers: Sendable {
    private struct State {
        var processes: [Int32: (identity: ProcessIdentity, copier: CodeCopier)] = [:]
        var files: [InodeIdentity: Set<ProcessIdentity>] = [:]
        /// Programs that copy themselves when they are started so, and the last process that was.
        var programs: [InodeIdentity: (pid: Int32, copier: CodeCopier)] = [:]
    }

    /// Any user can start such processes.
    private static let mostProcesses = 4096
    private static let mostFiles = 1 << 16

    /// The only processes that get breakpoints; nil: all.
    private let limit: ProcessLimit?
    private let state = Mutex(State())

    init(limit: ProcessLimit?) {
        self.limit = limit
    }

    /// Whether a probe could do harm to a process.
    func concerns(_ pid: Int32) -> Bool { limit?.pids.contains(pid) ?? true }

    func add(_ process: ProcessIdentity, _ copier: CodeCopier, files: [InodeIdentity]) {
        state.withLock { state in
            guard state.processes[process.pid] != nil || state.processes.count < Self.mostProcesses else { return }
            state.processes[process.pid] = (process, copier)
            // The next one would copy itself before a probe can be taken out.
            if copier.copiesItselfAtStart, state.programs.count < Self.mostFiles {
                for file in files { state.programs[file] = (process.pid, copier) }
            }
            for file in files where state.files[file] != nil || state.files.count < Self.mostFiles {
                state.files[file, default: []].insert(process)
            }
        }
    }

    func remove(_ pid: Int32) {
        state.withLock { state in
            guard state.processes.removeValue(forKey: pid) != nil else { return }
            state.files = state.files.mapValues { $0.filter { $0.pid != pid } }.filter { !$0.value.isEmpty }
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
            state.files[file, default: []].compactMap { state.processes[$0.pid] }
        }
        return users.first { $0.identity.isCurrent }.map { ($0.identity.pid, $0.copier) }
            ?? state.withLock { $0.programs[file] }
    }
}
