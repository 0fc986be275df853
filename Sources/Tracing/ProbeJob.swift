internal import Containers
internal import OS
internal import Processes
internal import TLSLibraries

/// One piece of work for the probing threads.
enum ProbeJob: Sendable {
    /// A file that processes map.
    case mapped(MappedCandidate)
    /// A file of this host, by path.
    case path(String)
    /// A control group that may be a container's: whose it is, and what its program will load.
    case container(cgroup: String, maker: Int32)
    /// What the loader would find in a container's root folder.
    /// - Parameter container: Its key.
    case root(String, container: String)

    /// 0 is the most urgent. What runs, or is about to, goes before what may run some time.
    var urgency: Int {
        switch self {
        case .container: 0
        case .mapped, .path: 1
        case .root: 2
        }
    }

    static let urgencies = 3

    struct MappedCandidate: Sendable {
        let identity: FileIdentity
        let path: String
        /// CLOCK_MONOTONIC, nanoseconds; nil where it was mapped before the session began.
        let mappedAt: Int64?
        let users: [ProcessScan.User]
    }
}

/// What a job finds out on its way.
enum ProbeFinding: Sendable {
    /// nil: the control group is no container's.
    case container(cgroup: String, ContainerResolution?)
}

extension FileProber {
    /// - Returns: What came of the job's file; of a container's files only those worth a word.
    /// - Parameter report: Is told what was found out before it is acted upon.
    func run(_ job: ProbeJob, _ report: (ProbeFinding) -> Void) -> [ProbeOutcome] {
        switch job {
        case .mapped(let candidate):
            return [probe(candidate)]
        case .path(let path):
            return [probe(path: path)]
        case .bundle(let path):
            do {
                let bundle = try OCIBundle(path: path)
                return prepare(
                    root: bundle.rootPath, arguments: bundle.arguments, environment: bundle.environment,
                    workingDirectory: bundle.workingDirectory)
            } catch {
                // The container was gone before it ran; what it maps is seen when it maps it.
                return []
            }
        case .root(let pid):
            return prepare(root: "/proc/\(pid)/root", arguments: [], environment: [], workingDirectory: "/")
        }
    }

    private func probe(_ candidate: ProbeJob.MappedCandidate) -> ProbeOutcome {
        var failure: SystemError?
        for user in candidate.users {
            do throws(SystemError) {
                let file = try ProcessFile.open(
                    pid: user.pid, range: user.range, path: candidate.path, identity: candidate.identity)
                let sibling = Siblings.opener(of: candidate.path) { try? ProcessFile.open(pid: user.pid, path: $0) }
                return probe(file, shownPath: candidate.path, sibling: sibling)
            } catch {
                failure = error
            }
        }
        guard let failure, !failure.isNotFound else { return probeLeftBehind(candidate) }
        return .unreadable(failure)
    }

    /// Of a file whose process has ended by now: the next one that maps it is to be seen.
    private func probeLeftBehind(_ candidate: ProbeJob.MappedCandidate) -> ProbeOutcome {
        // In a container's view of the file system the path leads elsewhere, or nowhere.
        guard let file = try? RegularFile(path: candidate.path), FileIdentity(status: file.status) == candidate.identity
        else { return .vanished }
        return probe(file, shownPath: candidate.path, sibling: Siblings.opener(of: candidate.path))
    }

    private func probe(path: String) -> ProbeOutcome {
        do throws(SystemError) {
            let file = try RegularFile(path: path)
            return probe(file, shownPath: path, sibling: Siblings.opener(of: path))
        } catch {
            return error.isNotFound ? .vanished : .unreadable(error)
        }
    }

    /// Probes what is in a root folder before anything of it runs.
    private func prepare(
        root: String, arguments: [String], environment: [String], workingDirectory: String
    ) -> [ProbeOutcome] {
        let open: (String) -> RegularFile? = { LoadableFiles.open(inRoot: root, $0) }
        let loadable = LoadableFiles.container(
            root: root, environment: environment, workingDirectory: workingDirectory)
        // The programs and their own libraries first: they are used first.
        var seen: Set<String> = []
        let paths = loadable.needed(by: arguments) + loadable.installed
        return paths.filter { seen.insert($0).inserted }.compactMap { path in
            guard let file = open(path) else { return nil }
            return probe(file, shownPath: path, sibling: Siblings.opener(of: path, open))
        }
    }
}
