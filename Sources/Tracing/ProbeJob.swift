internal import Containers
internal import OS
internal import Processes
internal import TLSLibraries

/// One piece of work for the probing threads.
enum ProbeJob: Sendable {
    /// A file that processes map: its symbols.
    case mapped(MappedCandidate)
    /// The same, where its symbols tell nothing: all of it.
    case search(MappedCandidate)
    /// A file of this host, by path.
    case path(String, FileProber.Depth)
    /// A process that copies or interprets code, or may: its files are not to be probed.
    /// - Parameter isKnown: It is looked at again, whether it is there and what it maps by now.
    case copier(pid: Int32, isKnown: Bool)
    /// A control group that may be a container's: whose it is, and what its program will load.
    case container(cgroup: String, maker: Int32?)
    /// What the program of a user's container will load.
    case starting(StartingContainer)
    /// What of the two before was not done in a moment.
    case rest(Unfinished)
    /// What the loader would find in a container's root folder.
    /// - Parameter container: Its key.
    case root(String, container: String)

    /// 0 is the most urgent. What runs, or is about to, goes before what may run some time, and what is done in a moment
    /// before what takes long.
    var urgency: Int {
        switch self {
        case .container, .copier(_, false): 0
        case .mapped, .path(_, .symbols), .starting: 1
        case .root, .copier(_, true): 2
        case .search, .path, .rest: 3
        }
    }

    /// As far as it is known where nothing can be read: a process's or a cgroup's is found out by the thread that takes
    /// the job.
    var owner: WorkOwner {
        switch self {
        case .mapped(let candidate), .search(let candidate): candidate.users.first.map { .process($0.pid) } ?? .host
        case .path: .host
        case .copier(let pid, _): .process(pid)
        case .container(let key, _), .root(_, let key): .containerOrUser(key: key)
        case .starting(let container): .containerOrUser(key: container.id)
        case .rest(let rest): rest.owner
        }
    }

    static let urgencies = 4
    /// How many of them leave no time to lose. The others' jobs may take long.
    static let pressingUrgencies = 2

    /// How long it may take where nothing hangs; nanoseconds. Everything of a large file on a slow disk takes its time.
    var patience: Int64 {
        switch self {
        case .mapped, .path(_, .symbols), .container, .copier, .starting, .root: 1_000_000_000
        case .search, .path, .rest: 10_000_000_000
        }
    }

    /// Of the file system that the job reads; nil where it is not known before.
    var device: UInt64? {
        switch self {
        case .mapped(let candidate), .search(let candidate): candidate.identity.device
        case .path, .container, .copier, .starting, .rest, .root: nil
        }
    }

    /// Files of a container's program that are still to be searched.
    struct Unfinished: Sendable {
        enum Root: Sendable {
            case path(String)
            case starting(StartingContainer)
        }

        let paths: [String]
        let root: Root
        /// Its key.
        let container: String
        let owner: WorkOwner
    }

    struct MappedCandidate: Sendable {
        let identity: FileIdentity
        let path: String
        /// CLOCK_MONOTONIC, nanoseconds; nil where it was mapped before the session began.
        let mappedAt: Int64?
        let users: [ProcessScan.User]
        /// Whether one of them is, or may be; nil: not asked yet.
        var isWanted: Bool?
        /// Whether one of them descends from the command that the session traces; nil: it traces none.
        var isFollowed: Bool?
    }
}

/// What a job finds out on its way.
enum ProbeFinding: Sendable {
    /// nil: the control group is no container's.
    case container(cgroup: String, ContainerResolution?)
    /// There is more to do about a container's program than is done in a moment.
    case unfinished(ProbeJob.Unfinished)
}

extension FileProber {
    /// - Returns: What came of the job's file; of a container's files only those worth a word.
    /// - Parameter report: Is told what was found out before it is acted upon.
    func run(_ job: ProbeJob, _ report: (ProbeFinding) -> Void) -> [ProbeOutcome] {
        switch job {
        case .mapped(let candidate):
            return probe(candidate, .symbols)
        case .search(let candidate):
            return probe(candidate, candidate.mappedAt == nil ? .everythingPatiently : .everything)
        case .path(let path, let depth):
            return [probe(path: path, depth)]
        case .copier(let pid, _):
            return spare(pid)
        case .container(let cgroup, let maker):
            // Its program begins soon, whatever else wants the processors. What takes longer than a moment is left to
            // `rest`, which has no such priority.
            return Threads.withSharedHighPriority { run(cgroup: cgroup, maker: maker, report) }
        case .starting(let container):
            guard preparesContainers, let root = try? container.rootFolder() else { return [] }
            let (outcomes, rest) = prepare(container.bundle, root: root.path)
            leave(rest, .starting(container), StartingContainers.key(container), report)
            return outcomes
        case .rest(let rest):
            return finish(rest)
        case .root(let root, _):
            guard preparesContainers else { return [] }
            return Self.beside(root) { probe(LoadableFiles.container(root: $0).installed, root: $0, .symbols) }
        }
    }

    /// Finds out whose a control group is, and probes what the program of a container there will load.
    private func run(cgroup: String, maker: Int32?, _ report: (ProbeFinding) -> Void) -> [ProbeOutcome] {
        let resolution = containers.container(atCgroup: cgroup, madeBy: maker)
        report(.container(cgroup: cgroup, resolution))
        if let targets { return resolution.map { probe(targets, in: $0) } ?? [] }
        // Without a bundle, what it maps is seen when it maps it.
        guard preparesContainers, let resolution, let bundle = resolution.bundle,
            scope?.includes(resolution.container) != false
        else { return [] }
        let (outcomes, rest) = Self.beside(bundle.rootPath) { prepare(bundle, root: $0) }
        leave(rest, .path(bundle.rootPath), cgroup, report)
        return outcomes
    }

    private func leave(
        _ paths: [String], _ root: ProbeJob.Unfinished.Root, _ container: String, _ report: (ProbeFinding) -> Void
    ) {
        guard !paths.isEmpty else { return }
        report(.unfinished(.init(paths: paths, root: root, container: container, owner: owner)))
    }

    private func finish(_ rest: ProbeJob.Unfinished) -> [ProbeOutcome] {
        switch rest.root {
        case .path(let path):
            return Self.beside(path) { probe(rest.paths, root: $0, .everything) }
        case .starting(let container):
            guard let root = try? container.rootFolder() else { return [] }
            return probe(rest.paths, root: root.path, .everything)
        }
    }

    /// - Returns: The file's own outcome first, then those of what it needs.
    private func probe(_ candidate: ProbeJob.MappedCandidate, _ depth: Depth) -> [ProbeOutcome] {
        var candidate = candidate
        // It may end soon.
        if let scope, candidate.isWanted == nil, candidate.mappedAt != nil {
            candidate.isWanted = scope.includes(anyOf: candidate.users)
        }
        var failure: SystemError?
        let answering = memory.held.answering(candidate.users)
        if let user = candidate.users.first, answering.isEmpty {
            // Once it answers, what it maps is looked at again.
            if let process = try? ProcessIdentity(pid: user.pid) {
                // Beyond its owner's share it is looked at again when somebody maps the file.
                try? copiers.add(process, .held, of: owner, files: [])
            }
            return [.avoided(HarmfulProbe(path: candidate.path, pid: user.pid, copier: .held), file: nil)]
        }
        for user in answering {
            do throws(SystemError) {
                let file = try ProcessFile.open(
                    pid: user.pid, range: user.range, path: candidate.path, identity: candidate.identity)
                let open: (String) -> RegularFile? = { try? ProcessFile.open(pid: user.pid, path: $0) }
                // Later than this its loader is there.
                let isLate = candidate.mappedAt == nil || depth != .symbols
                let isHostView = ProcessRecord.isInHostMountNamespace(user.pid)
                let needed =
                    isLate || candidate.isWanted == false
                    ? [] : probeNeeded(by: file, candidate.path, of: user.pid, open, isHostView: isHostView)
                let own = probe(
                    file, shownPath: candidate.path, depth: depth, open: open, mapped: candidate,
                    isHostView: isHostView)
                return [narrowed(own, to: candidate)] + needed
            } catch {
                failure = error
            }
        }
        guard let failure, !failure.isNotFound else {
            guard candidate.isWanted != false else { return [.unwanted(detail: nil)] }
            return [narrowed(probeLeftBehind(candidate, depth), to: candidate)]
        }
        return [.unreadable(failure)]
    }

    /// The outcome as it is for those who map the file.
    private func narrowed(_ outcome: ProbeOutcome, to candidate: ProbeJob.MappedCandidate) -> ProbeOutcome {
        guard case .untraced(_?, let words) = outcome, !wantedUsers.includes(anyOf: candidate) else { return outcome }
        return .untraced(nil, words: words)
    }

    /// What a file that was mapped just now has the loader map next: a probe that is begun before the loader is there
    /// is in time, however long the kernel takes over it. Whatever the system's folders hold is probed already.
    private func probeNeeded(
        by file: RegularFile, _ path: String, of pid: Int32, _ open: @escaping (String) -> RegularFile?,
        isHostView: Bool
    ) -> [ProbeOutcome] {
        let resolver = NeededResolver(
            libraryPath: ProcessRecord.trustedEnvironment(of: pid)?["LD_LIBRARY_PATH"], cache: nil, open: open,
            read: inspector.readLoaderFacts)
        var outcomes: [ProbeOutcome] = []
        // Not an ELF file, or a damaged one, has none.
        try? resolver.forEachNeededElsewhere(by: path, file) { path, source in
            guard let library = source as? RegularFile else { return }
            outcomes.append(probe(library, shownPath: path, depth: .symbols, open: open, isHostView: isHostView))
        }
        return outcomes
    }

    /// Of a file whose process has ended by now: the next one that maps it is to be seen.
    private func probeLeftBehind(_ candidate: ProbeJob.MappedCandidate, _ depth: Depth) -> ProbeOutcome {
        // In a container's view of the file system the path leads elsewhere, or nowhere.
        guard let file = try? RegularFile(path: candidate.path), FileIdentity(status: file.status) == candidate.identity
        else { return .vanished }
        return probe(file, shownPath: candidate.path, depth: depth, open: Siblings.host, isHostView: true)
    }

    private func probe(path: String, _ depth: Depth) -> ProbeOutcome {
        do throws(SystemError) {
            let file = try RegularFile(path: path)
            return probe(
                file, shownPath: path, depth: depth, open: Siblings.host, mapped: initialUsers.candidate(for: file),
                isHostView: true)
        } catch {
            return error.isNotFound ? .vanished : .unreadable(error)
        }
    }

    /// Probes what a container's program will load, before it runs.
    /// - Returns: Of all but what would take longer than a moment; that, too.
    private func prepare(_ bundle: OCIBundle, root: String) -> (outcomes: [ProbeOutcome], rest: [String]) {
        let end = Clock.monotonic + Self.moment
        let loadable = LoadableFiles.container(
            root: root, environment: bundle.environment, workingDirectory: bundle.workingDirectory)
        let open: (String) -> RegularFile? = { LoadableFiles.open(inRoot: root, $0) }
        var outcomes: [ProbeOutcome] = []
        var rest: [String] = []
        var unsearched: [(path: String, file: RegularFile)] = []
        for path in loadable.needed(by: bundle.arguments, inspector) {
            guard Clock.monotonic < end else {
                rest.append(path)
                continue
            }
            guard let file = open(path) else { continue }
            let outcome = probe(file, shownPath: path, depth: .symbols, open: open)
            // What is found by its symbols first: that takes a fraction of the time.
            if outcome.isUnsearched { unsearched.append((path, file)) } else { outcomes.append(outcome) }
        }
        for (path, outcome) in search(unsearched, root: root, until: end) {
            if let outcome, !outcome.isUnsearched { outcomes.append(outcome) } else { rest.append(path) }
        }
        return (outcomes, rest)
    }

    /// How long what a container's program needs is looked into at high priority; nanoseconds. Files of a hostile image
    /// can take minutes.
    private static let moment: Int64 = 1_000_000_000

    /// Each on a thread of its own, up to a few: a shell is large and called first, but the kernel takes milliseconds to
    /// place a probe, in which the next program can be searched.
    /// - Parameter end: No file is begun with later; CLOCK_MONOTONIC, nanoseconds.
    /// - Returns: nil for a file that was not begun with.
    private func search(
        _ files: [(path: String, file: RegularFile)], root: String, until end: Int64
    ) -> [(path: String, outcome: ProbeOutcome?)] {
        let search = { @Sendable [self] (_ path: String, _ file: RegularFile) -> (String, ProbeOutcome?) in
            guard Clock.monotonic < end else { return (path, nil) }
            return (
                path, probe(file, shownPath: path, depth: .everythingBriefly) { LoadableFiles.open(inRoot: root, $0) }
            )
        }
        guard let first = files.first else { return [] }
        let others = files.dropFirst().prefix(Self.mostAtOnce - 1).map { path, file in
            let outcomes = BlockingQueue<(String, ProbeOutcome?)>()
            do throws(SystemError) {
                try Threads.start(name: "search") {
                    outcomes.put(Threads.withSharedHighPriority { search(path, file) })
                }
            } catch {
                outcomes.put(search(path, file))
            }
            return outcomes
        }
        let rest = files.dropFirst(Self.mostAtOnce).map(search)
        return [search(first.path, first.file)] + others.compactMap { $0.take() } + rest
    }

    /// Files of a container.
    private static let mostAtOnce = 4

    /// A probe holds the mount by which its file was opened. A container's root folder is unmounted when the container
    /// ends (by containerd without MNT_DETACH): it is looked into by a mount of our own.
    private static func beside<Result>(_ root: String, _ body: (String) -> Result) -> Result {
        // Without the right to: containers can be removed once tracing ends.
        guard let clone = try? Descriptor.mountClone(of: root) else { return body(root) }
        defer { withExtendedLifetime(clone) {} }
        return body(clone.path)
    }

    private func probe(_ paths: [String], root: String, _ depth: Depth) -> [ProbeOutcome] {
        let open: (String) -> RegularFile? = { LoadableFiles.open(inRoot: root, $0) }
        return paths.compactMap { path in
            guard let file = open(path) else { return nil }
            return probe(file, shownPath: path, depth: depth, open: open)
        }
    }
}
