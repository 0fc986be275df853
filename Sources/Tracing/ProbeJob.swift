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

    /// Of the file system that the job reads; nil where it is not known before.
    var device: UInt64? {
        if case .mapped(let candidate) = self { candidate.identity.device } else { nil }
    }

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
            return probe(candidate)
        case .path(let path):
            return [probe(path: path)]
        case .container(let cgroup, let maker):
            let resolution = containers.container(atCgroup: cgroup, madeBy: maker)
            report(.container(cgroup: cgroup, resolution))
            if let targets { return resolution.map { probe(targets, in: $0) } ?? [] }
            // Without a bundle, what it maps is seen when it maps it.
            guard preparesContainers, let bundle = resolution?.bundle else { return [] }
            return prepare(bundle)
        case .root(let root, _):
            guard preparesContainers else { return [] }
            return Self.beside(root) { probe(LoadableFiles.container(root: $0).installed, root: $0) }
        }
    }

    /// - Returns: The file's own outcome first, then those of what it needs.
    private func probe(_ candidate: ProbeJob.MappedCandidate) -> [ProbeOutcome] {
        var failure: SystemError?
        for user in candidate.users {
            do throws(SystemError) {
                let file = try ProcessFile.open(
                    pid: user.pid, range: user.range, path: candidate.path, identity: candidate.identity)
                let open: (String) -> RegularFile? = { try? ProcessFile.open(pid: user.pid, path: $0) }
                // Later than this its loader is there.
                let needed = candidate.mappedAt == nil ? [] : probeNeeded(by: file, candidate.path, of: user.pid, open)
                return [probe(file, shownPath: candidate.path, sibling: Siblings.opener(of: candidate.path, open))]
                    + needed
            } catch {
                failure = error
            }
        }
        guard let failure, !failure.isNotFound else { return [probeLeftBehind(candidate)] }
        return [.unreadable(failure)]
    }

    /// What a file that was mapped just now has the loader map next: a probe that is begun before the loader is there
    /// is in time, however long the kernel takes over it. Whatever the system's folders hold is probed already.
    private func probeNeeded(
        by file: RegularFile, _ path: String, of pid: Int32, _ open: @escaping (String) -> RegularFile?
    ) -> [ProbeOutcome] {
        let resolver = NeededResolver(
            libraryPath: ProcessRecord.trustedEnvironment(of: pid)?["LD_LIBRARY_PATH"], cache: nil, open: open)
        // Not an ELF file, or a damaged one.
        let libraries = (try? resolver.neededElsewhere(by: path, file)) ?? []
        return libraries.compactMap { path, source in
            guard let library = source as? RegularFile else { return nil }
            return probe(library, shownPath: path, sibling: Siblings.opener(of: path, open))
        }
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

    /// Probes what a container's program will load, before it runs.
    private func prepare(_ bundle: OCIBundle) -> [ProbeOutcome] {
        Self.beside(bundle.rootPath) { root in
            let loadable = LoadableFiles.container(
                root: root, environment: bundle.environment, workingDirectory: bundle.workingDirectory)
            return probe(loadable.needed(by: bundle.arguments), root: root)
        }
    }

    /// A probe holds the mount by which its file was opened. A container's root folder is unmounted when the container
    /// ends (by containerd without MNT_DETACH): it is looked into by a mount of our own.
    private static func beside(_ root: String, _ body: (String) -> [ProbeOutcome]) -> [ProbeOutcome] {
        // Without the right to: containers can be removed once tracing ends.
        guard let clone = try? Descriptor.mountClone(of: root) else { return body(root) }
        defer { withExtendedLifetime(clone) {} }
        return body(clone.path)
    }

    private func probe(_ paths: [String], root: String) -> [ProbeOutcome] {
        let open: (String) -> RegularFile? = { LoadableFiles.open(inRoot: root, $0) }
        return paths.compactMap { path in
            guard let file = open(path) else { return nil }
            return probe(file, shownPath: path, sibling: Siblings.opener(of: path, open))
        }
    }
}
