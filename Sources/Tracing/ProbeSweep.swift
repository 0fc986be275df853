internal import OS
internal import Processes

/// A look at who still maps files that are probed. Runs on a thread of its own: it may read the maps of every process.
struct ProbeSweep: Sendable {
    /// A file of which only a process that maps it can be a reason to stay.
    struct Doubtful: Sendable {
        let file: UInt32
        let identities: Set<FileIdentity>
        let witness: ProcessScan.User?
    }

    struct Findings: Sendable {
        let startedAt: Int64
        /// For each doubtful file a process that maps it; nil: none does.
        var witnesses: [(file: UInt32, witness: ProcessScan.User?)] = []
        /// Installed files whose path leads to another file by now, or to none.
        var replaced: [UInt32] = []
        /// Those paths, where there is a new file.
        var newPaths: [String] = []
    }

    /// CLOCK_MONOTONIC, nanoseconds.
    let startedAt: Int64
    /// Files that stand where a loader finds them.
    var installed: [(file: UInt32, path: String)] = []
    var doubtful: [Doubtful] = []

    init(startedAt: Int64) {
        self.startedAt = startedAt
    }

    /// - Parameter status: Of a file when it was probed.
    /// - Throws: when /proc can't be listed.
    func run(status: (UInt32) -> FileStatus?) throws(SystemError) -> Findings {
        var findings = Findings(startedAt: startedAt)
        for (file, path) in installed {
            guard let probed = status(file) else { continue }
            let now = try? FileStatus(path: path)
            guard now?.device != probed.device || now?.inode != probed.inode else { continue }
            findings.replaced.append(file)
            if now != nil { findings.newPaths.append(path) }
        }
        var lost: [Doubtful] = []
        for doubtful in doubtful {
            if let witness = doubtful.witness, Self.maps(witness) {
                findings.witnesses.append((doubtful.file, witness))
            } else {
                lost.append(doubtful)
            }
        }
        guard !lost.isEmpty else { return findings }
        var users: [FileIdentity: ProcessScan.User] = [:]
        let scan = try ProcessScan.run()
        for file in scan.files { users[file.identity] = file.users.first }
        for doubtful in lost {
            let user = doubtful.identities.lazy.compactMap { users[$0] }.first
            // One that can't be asked may map it: the kernel would wait for it, and all forks with the kernel.
            if user == nil, !scan.unanswered.isEmpty { continue }
            findings.witnesses.append((doubtful.file, user))
        }
        return findings
    }

    /// Whether the process still has a mapping at that very place. Not every process may be asked: the maps of all tell
    /// then.
    private static func maps(_ user: ProcessScan.User) -> Bool {
        (try? Files.linkTarget("/proc/\(user.pid)/map_files/\(user.range.name)")) != nil
    }
}
