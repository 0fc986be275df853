internal import Containers
internal import ELFImage
internal import Inspection
internal import LibBPF
internal import OS
internal import Processes
internal import TLSLibraries

/// What a session is made of, put together before its thread starts.
struct SessionParts {
    let program: TracerProgram
    let tracepoints: [BPFLink]
    /// nil where only files that the user named are traced.
    let mappings: MappingWatch?
    let table: ProbeTable
    let pool: ProbePool
    let closer: LinkCloser
    let copiers: CodeCopiers
    let memory = MemoryQuestions.byOwner()
    let modifications: ModificationThreads?
    var candidates: MappedCandidates
    var containers: ContainerTracker
    let monitors: MonitorReader
    let cgroups: CgroupReader
    let dockerSockets: [String]
    let cache: FindingCache?
    /// Files of this host that the user named.
    let hostTargets: [String]
    /// Whether a process descends from the command that is traced; nil where none is.
    let isFollowed: (@Sendable (Int32) -> Bool)?
    var readiness: Readiness
    /// What is to be done before the session is ready; it has begun.
    var jobs: [UInt64]

    /// Of a store with many containers, the first tell enough.
    private static let mostFailures = 4

    /// - Throws: `HostLimitation`, `BPFError`, `SystemError`, `SessionError`.
    init(options: SessionOptions, mailbox: Mailbox<EventLoop.Message>) throws {
        try HostRequirement.checkAll()
        let method = try UprobeMethod.chosen(options.method, isOfProcesses: options.wantedPids != nil)
        let limit = try ProcessLimit(pids: options.wantedPids, method)
        Host.raiseDescriptorLimit()
        Host.returnLargeBlocks()
        let rules = try options.catalog.rules()
        // It comes up while other things are done.
        let inspector = try FileInspector(
            catalog: options.catalog, cache: options.cache, process: options.inspectorProcess)
        let layout = try CgroupLayout.current()
        let tree = CgroupTree(layout: layout)
        // What comes from here on is reported, what was there before is found by the scan: nothing falls between.
        switch options.target {
        case .files: mappings = nil
        case .host, .processes, .children: mappings = try MappingWatch()
        }
        let finishScan = try Threads.begin(name: "scan") { [target = options.target] in try HostScan(target: target) }
        var kernelOptions = options
        // Without the v2 hierarchy every process has its root's id: containers are told apart after the event.
        if tree == nil { kernelOptions.containers = nil }
        let quickAttach = try QuickAttach(method)
        let uprobe = Later<UprobeProgram>()
        // The verifier takes its time: files are looked into meanwhile.
        let finishLoading = try Threads.begin(name: "load") { [kernelOptions] in
            do {
                let program = try TracerProgram(options: kernelOptions, rules: rules, method: method)
                uprobe.set(program.uprobe)
                return program
            } catch {
                uprobe.cancel()
                throw error
            }
        }

        let scan = try finishScan()
        // Without control groups of version 2 containers are told apart by reading /proc: everybody's files are probed then.
        let scope = tree == nil ? nil : options.containers.map(ProbeScope.init)
        for container in scan.containers.containers { scope?.judge(container) }
        // Without it a file that is rewritten in place stays probed; `doctor` says why there is none.
        table = ProbeTable(monitor: try? ModificationMonitor())
        closer = try LinkCloser(table: table)
        copiers = CodeCopiers(limit: limit)
        modifications = try table.monitor.map { [table, closer] monitor in
            try ModificationThreads(monitor, table: table, closer: closer) { mailbox.post(.probes(.modified($0))) }
        }
        let prober = FileProber(
            inspector: inspector,
            rules: Dictionary(uniqueKeysWithValues: zip(rules, 0...)), uprobe: uprobe, quickAttach: quickAttach,
            limit: limit,
            identifier: InodeIdentifier.ofThisKernel, table: table,
            closer: closer, containers: RuntimeRegistry(scan.runtimes), copiers: copiers, memory: memory,
            initialUsers: InitialUsers(scan.everyone),
            isExcluded: options.isExcluded, scope: scope,
            wantedUsers: WantedUsers(
                scope: scope, isBlind: tree == nil && options.containers != nil, isWanted: options.isWantedProcess),
            preparesContainers: options.target.isOpen,
            targets: options.target.containerFiles)
        memory.held.note(scan.everyone.unanswered)
        // Before anything is probed.
        try prober.spareExisting(Array(scan.everyone.copiers.keys))
        // Most of the time they wait for the kernel, and a probe counts from its beginning: that of the eighth container
        // which starts at once is not to wait for the others' ends.
        pool = try ProbePool(prober: prober, threads: 12) { mailbox.post(.probing($0)) }
        var pids: Set<UInt32>?
        if case .processes(let wanted) = options.target { pids = Set(wanted.map(UInt32.init)) }
        var candidates = MappedCandidates(pids: pids, isNarrowed: scope != nil)
        var mapped = scan.processes.files.compactMap { candidates.candidate(for: $0) }
        // The command is still to be started.
        if options.target.isCommand { for index in mapped.indices { mapped[index].isFollowed = false } }
        var first = mapped.map { ProbeJob.mapped($0) }
        if case .children(let command, let environment) = options.target {
            first += LoadableFiles.host(environment: environment).needed(by: [command], inspector).map {
                .path($0, .everything)
            }
        }
        if scope?.includesHost != false { first += scan.installed.map { .path($0, .symbols) } }
        first += scan.everyone.unanswered.map { .copier(pid: $0, isKnown: false) }
        jobs = pool.submit(first)
        self.candidates = candidates

        do {
            program = try finishLoading()
        } catch {
            pool.close()
            throw error
        }
        if options.target.isOpen || options.target.containerFiles != nil { Self.loadIdentifier() }
        isFollowed = options.target.isCommand ? try program.followed() : nil
        tracepoints = try program.attachTracepoints(options)
        monitors = try MonitorReader { mailbox.post(.monitored($0)) }
        cgroups = try CgroupReader(layout) { mailbox.post(.cgroups($0)) }
        containers = ContainerTracker(
            filter: options.containers, scope: scope, isUnified: tree != nil, monitors: monitors, reader: cgroups)
        try containers.addExisting(scan.containers.containers, scan.runtimes, layout, program)
        for failure in scan.containers.failures.prefix(Self.mostFailures) {
            containers.note("\(failure); its containers show as their control groups and bundles tell")
        }
        var rest: [ProbeJob] = []
        hostTargets = options.target.hostFiles
        if case .files(let files) = options.target {
            for path in hostTargets { try prober.probeTarget(path: path) }
            for case .container(let file) in files { try rest += prober.probeTarget(file, &containers) }
        }
        if pids == nil, mappings != nil {
            rest += containers.running().map { .root("/proc/\($0.pid)/root", container: $0.key) }
        }
        jobs += pool.submit(rest)
        cache = options.cache
        dockerSockets = scan.runtimes.dockerDaemons.flatMap(\.sockets)
        readiness = Readiness()
        readiness.processes = scan.processes.processCount
        readiness.unreadable = scan.processes.refusals.reduce(0) { $0 + $1.pids.count }
    }

    /// Loads what files of containers are told apart by, which takes longer than the first one's first call may wait.
    private static func loadIdentifier() {
        // Where there is no thread the first file waits for it.
        try? Threads.start(name: "identity") {
            try? InodeIdentifier.ofThisKernel.load()
            // libbpf has read the kernel's types, some megabytes, for this and the programs of the session.
            Host.returnFreePages()
        }
    }
}

/// Why a session could not begin, as a full sentence.
public struct SessionError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension LibraryCatalog {
    /// What the BPF program is to know, each once.
    func rules() throws -> [FunctionRule] {
        var rules: [FunctionRule] = []
        for rule in descriptions.flatMap(\.functions).flatMap(\.rules) where !rules.contains(rule) {
            rules.append(rule)
        }
        guard rules.count <= TracerProgram.ruleLimit else {
            throw SessionError(
                "the descriptions of TLS libraries have \(rules.count) ways to take a name; "
                    + "at most \(TracerProgram.ruleLimit) fit")
        }
        return rules
    }
}
