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
    /// What the loader would find in a container's root folder, and the program that it starts with.
    case bundle(path: String)
    /// The same for a container that runs.
    case root(pid: Int32)

    struct MappedCandidate: Sendable {
        let identity: FileIdentity
        let path: String
        let users: [ProcessScan.User]
    }
}

extension FileProber {
    /// - Returns: What came of the job's file; of a container's files only those worth a word.
    func run(_ job: ProbeJob) -> [ProbeOutcome] {
        switch job {
        case .mapped(let candidate):
            return [probe(candidate)]
        case .path(let path):
            return [probe(path: path)]
        case .bundle(let path):
            do {
                let bundle = try OCIBundle(path: path)
                return prepare(
                    root: bundle.rootPath, command: bundle.arguments.first, environment: bundle.environment)
            } catch {
                // The container was gone before it ran; what it maps is seen when it maps it.
                return []
            }
        case .root(let pid):
            return prepare(root: "/proc/\(pid)/root", command: nil, environment: [])
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
        guard let failure, !failure.isNotFound else { return .vanished }
        return .unreadable(failure)
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
    private func prepare(root: String, command: String?, environment: [String]) -> [ProbeOutcome] {
        let open: (String) -> RegularFile? = { LoadableFiles.open(inRoot: root, $0) }
        let loadable = LoadableFiles.container(root: root, environment: environment)
        // The program's own libraries first: they are used first.
        var seen: Set<String> = []
        let paths = (command.map(loadable.needed) ?? []) + loadable.installed
        return paths.filter { seen.insert($0).inserted }.compactMap { path in
            guard let file = open(path) else { return nil }
            return probe(file, shownPath: path, sibling: Siblings.opener(of: path, open))
        }
    }
}
