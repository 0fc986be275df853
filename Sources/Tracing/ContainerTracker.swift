internal import Containers
internal import LibBPF
internal import OS
internal import Processes

/// Keeps the containers of this host: from the control groups that the kernel reports, what the runtimes' files say of
/// them and changes of names from their daemons; and tells the kernel which of them are wanted. Opens no file: what is to
/// be read, other threads read (`ProbePool`, `MonitorReader`, `CgroupReader`).
struct ContainerTracker {
    var directory = ContainerDirectory()
    let filter: SessionOptions.ContainerFilter?
    /// nil: everybody's files are probed.
    let scope: ProbeScope?
    var newlyWanted: [Container] = []
    /// Where there is no v2 hierarchy, a process's own cgroup paths decide, which are read at once: by the time another
    /// thread had them, the container might be gone.
    let isUnified: Bool
    let reader: CgroupReader
    var sought = SoughtCgroups()
    /// Control groups that were looked for in vain; their numbers are not given again. Forgetting them costs a walk.
    var missing: Set<UInt64> = []
    /// What the control groups of pending containers alone tell.
    var stubs: [String: Container] = [:]
    /// When the first process of a container, by its key, is asked for again; nil: it is asked for. CLOCK_MONOTONIC,
    /// nanoseconds.
    var initPidQuestions: [String: Int64?] = [:]
    static let initPidPause: Int64 = 1_000_000_000
    /// Containers that were there at the start and have no process: their control groups were left behind.
    private var leftBehind: Set<String> = []
    private let hostMountNamespace = ProcessRecord.hostMountNamespace
    private var namespaces = NamespaceWatch()
    /// Finds containers that have no control group of their own.
    private let monitors: MonitorReader
    /// What monitors told of containers before their runtimes' state was read, by control group.
    private var early: [String: MonitorReader.Found] = [:]
    private static let mostEarly = 256
    private static let mostEarlyOfUser = 64
    /// Users' containers of which nothing but a monitor tells yet.
    private var starting = StartingContainers()
    /// What the user should know.
    private var notices: [String] = []
    private var noticeLimits = NoticeLimits()
    /// Limits that were reached: each is told once.
    private var reachedLimits: Set<Limit> = []
    private static let mostLimits = 256

    enum Limit: Hashable {
        case cgroups(UInt32)
        case namespaces(UInt32)
        case monitors(UInt32)
        case sought(UInt32)
        case early
        case filter
    }

    /// What is known of the container of a process.
    enum Attribution {
        case known(Container?)
        /// It is being found out: an event waits for `key`, and goes without an answer as that control group's, if any.
        case pending(key: String, cgroup: String?)
        /// Its first process is being asked for by `key`; the container is known.
        case unfinished(Container, key: String)
    }

    init(
        filter: SessionOptions.ContainerFilter?, scope: ProbeScope?, isUnified: Bool, monitors: MonitorReader,
        reader: CgroupReader
    ) {
        self.filter = filter
        self.scope = scope
        self.isUnified = isUnified
        self.monitors = monitors
        self.reader = reader
    }

    /// How many run.
    var count: Int {
        // In hybrid one can have several cgroups, by different paths.
        Set(directory.all.filter { !leftBehind.contains($0.key) }.map { [$0.runtime.rawValue, $0.id, $0.bundlePath] })
            .count
    }

    var all: [Container] { directory.all }

    /// Takes in what is there already. Not for the event loop: it reads.
    mutating func addExisting(
        _ containers: [Container], _ runtimes: ContainerRuntimes, _ layout: CgroupLayout, _ program: TracerProgram
    ) throws {
        for uid in try directory.add(existing: containers, runtimes, layout) { reachCgroups(of: uid) }
        let tree = CgroupTree(layout: layout)
        for container in directory.all {
            namespaces.watch(container, MonitorReader.Found(container).firstProcess)
            judge(container, program)
            if container.initPid == nil, let tree, let path = container.cgroupPath, tree.firstProcess(in: path) == nil {
                leftBehind.insert(container.key)
            }
        }
    }

    /// What follows from a control group's coming or going.
    enum Consequence {
        case none
        /// It is to be found out whose it is.
        case job(ProbeJob)
        case ended(key: String)
    }

    /// A control group came or went.
    mutating func apply(_ record: CgroupRecord, _ program: TracerProgram) -> Consequence {
        switch directory.apply(record) {
        case .host:
            leaveToHost(record, program)
        case .refused(let uid):
            leaveToHost(record, program)
            reachCgroups(of: uid)
        case .unresolved:
            seek(record.id, for: record.payer ?? 0)
        case .known(.container(let container)) where container.cgroupPath == record.path:
            judge(container, program)
        case .known(.pending(let cgroup)) where cgroup == record.path:
            // It was expected when its like in another hierarchy came.
            break
        case .known:
            // The kernel judges what is below a container by the container.
            leaveToHost(record, program)
        case .suspected(let cgroup, let maker):
            scope?.expect(cgroup: cgroup)
            reader.readStub(cgroup: cgroup)
            return .job(.container(cgroup: cgroup, maker: maker))
        case .gone(let container?):
            forget(container)
            return .ended(key: container.key)
        case .gone:
            break
        }
        return .none
    }

    mutating func forget(_ container: Container) {
        initPidQuestions[container.key] = nil
        leftBehind.remove(container.key)
        scope?.forget(cgroup: container.key)
    }

    private mutating func reachCgroups(of uid: UInt32) {
        reach(
            .cgroups(uid),
            "user \(uid) has made more than \(ContainerDirectory.mostOfUser) cgroups that may be containers'; what runs "
                + "in further ones shows as the host's")
    }

    mutating func reach(_ limit: Limit, _ notice: String) {
        guard reachedLimits.count < Self.mostLimits else { return }
        if reachedLimits.insert(limit).inserted { notices.append(notice) }
    }

    /// What was found out about a control group.
    mutating func settle(cgroup path: String, _ resolution: ContainerResolution?, _ program: TracerProgram) {
        if let failure = resolution?.failure {
            let owner = resolution?.container.uid.map { WorkOwner.user($0) } ?? .host
            notices += noticeLimits.admitted(
                "\(failure); the container \(path) shows as its control group and bundle tell",
                kind: "containers whose runtime's state can't be read", owner)
        }
        stubs[path] = nil
        let number = directory.cgroupID(ofCgroup: path)
        for below in directory.settle(cgroup: path, resolution?.container) {
            try? program.removeContainer(cgroup: below)
        }
        if let monitored = early.removeValue(forKey: path), resolution != nil { _ = add(monitored: monitored, program) }
        if let container = resolution?.container {
            judge(container, program)
        } else if let number {
            try? program.removeContainer(cgroup: number)
        }
        if directory.container(key: path) == nil { scope?.forget(cgroup: path) }
    }

    /// Forgets a container that ended before it was known whose it was.
    /// - Returns: Whether it had ended.
    mutating func removeEnded(key: String) -> Bool { directory.removeEnded(key: key) }

    /// Tells the user something with the next notices.
    mutating func note(_ notice: String) {
        notices.append(notice)
    }

    /// What the user should know, once.
    mutating func takeNotices() -> [String] {
        defer { notices = [] }
        return notices
    }

    mutating func apply(_ change: DockerChange, _ program: TracerProgram) {
        switch change {
        case .renamed(let id, let name):
            rename(id, name, program)
        case .appeared(let container):
            rename(container.id, container.name, program)
        case .disconnected(let error) where error.kind != .absent:
            notices.append("\(error); names come from its files on disk until it answers")
        case .started, .connected, .disconnected, .stopped, .removed:
            break
        }
    }

    private mutating func rename(_ id: String, _ name: String, _ program: TracerProgram) {
        if let container = directory.update(id: id, { $0.name = name }) { judge(container, program) }
    }

    /// The container of a process that was seen in a call.
    mutating func container(of record: ServerNameRecord) -> Attribution {
        if let attribution = attributionByCgroup(record) { return attribution }
        // Without rights on cgroups a container has none of its own; its view of the file system is.
        let namespace = record.caller.mountNamespace
        if namespace == hostMountNamespace { return .known(nil) }
        if let container = directory.container(forMountNamespace: namespace),
            namespaces.holds(container, NamespaceWatch.Caller(record))
        {
            return .known(container)
        }
        switch namespaces.state(of: namespace, uid: record.caller.uid) {
        case .plain:
            return .known(nil)
        case .refused:
            reach(
                .namespaces(record.caller.uid),
                "user \(record.caller.uid) has calls from more than \(NamespaceWatch.mostOfUser) mount namespaces at a time; "
                    + "those from further ones show no container")
            return .known(nil)
        case .unknown:
            monitors.identify(pid: Int32(bitPattern: record.caller.pid), namespace: namespace)
            return .pending(key: NamespaceWatch.key(namespace), cgroup: nil)
        case .asked:
            return .pending(key: NamespaceWatch.key(namespace), cgroup: nil)
        }
    }

    /// - Returns: nil for a process in no container's control group.
    private mutating func attributionByCgroup(_ record: ServerNameRecord) -> Attribution? {
        let owner: ContainerDirectory.Owner
        if isUnified {
            owner = directory.owner(ofCgroup: record.caller.cgroup)
            // Its creation was missed.
            if owner == .unknown, !missing.contains(record.caller.cgroup),
                seek(record.caller.cgroup, for: record.caller.uid)
            {
                return .pending(key: Self.key(ofCgroup: record.caller.cgroup), cgroup: nil)
            }
        } else {
            let membership = try? CgroupMembership(pid: Int32(bitPattern: record.caller.pid))
            owner = membership.map { directory.owner(ofPaths: $0.paths) } ?? .unknown
        }
        switch owner {
        case .pending(let cgroup): return .pending(key: cgroup, cgroup: cgroup)
        case .container(let container) where container.isSeen(inMountNamespace: record.caller.mountNamespace):
            return withInitPid(container)
        case .container, .host, .unknown: return nil
        }
    }

    /// Runtimes write a container's pid to their own files some time after its start; the bundle has it before.
    private mutating func withInitPid(_ container: Container) -> Attribution {
        guard container.initPid == nil, let bundle = container.bundlePath else { return .known(container) }
        let key = container.key
        switch initPidQuestions[key] {
        case .some(nil): break
        case .some(let again?) where again > Clock.monotonic: return .known(container)
        case .some, nil:
            initPidQuestions[key] = .some(nil)
            reader.readInitPid(bundle: bundle, container: key)
        }
        return .unfinished(container, key: Self.key(ofInitPid: key))
    }

    /// A program was executed.
    func noteExecution(_ path: String, pid: UInt32) {
        if path.hasSuffix("/conmon") { monitors.follow(pid: Int32(bitPattern: pid)) }
    }

    /// What was found out by a container's monitor.
    /// - Returns: The key of events that waited for it, and the container if it is a new one.
    mutating func apply(_ report: MonitorReader.Report, _ program: TracerProgram) -> (key: String?, new: Container?) {
        switch report {
        case .starting(let container):
            starting.expect(container)
            return (nil, nil)
        case .container(let found):
            starting.appeared(id: found.container.ownID)
            return (found.container.mountNamespace.map(NamespaceWatch.key), add(monitored: found, program))
        case .namespace(let namespace, let found):
            namespaces.answer(namespace, isPlain: found == nil)
            return (NamespaceWatch.key(namespace), found.flatMap { add(monitored: $0, program) })
        case .tooMany(let uid):
            reach(
                .monitors(uid),
                "user \(uid) starts more containers at a time than are waited for; some of them may show no name")
            return (nil, nil)
        }
    }

    private mutating func add(monitored found: MonitorReader.Found, _ program: TracerProgram) -> Container? {
        let container = found.container
        let known = directory.container(id: container.ownID)
        if let cgroup = container.cgroupPath {
            // Its runtime's own state says more, but for what it does not tell.
            guard let known, known.cgroupPath == cgroup else {
                // Whose the control group is, is still being found out.
                let own = early.values.lazy.filter { $0.container.uid == container.uid }.count
                guard early.count < Self.mostEarly, own < Self.mostEarlyOfUser else {
                    reach(.early, "more containers are starting than are waited for; some of them may show no name")
                    return nil
                }
                early[cgroup] = found
                return nil
            }
            let isNameless = known.isNameless
            let named = directory.update(id: container.ownID) { known in
                known.initPid = known.initPid ?? container.initPid
                guard isNameless else { return }
                known.name = container.name
                known.imageName = known.imageName ?? container.imageName
            }
            if isNameless, let named { judge(named, program) }
            return nil
        }
        // An id is what a user says it is: nobody takes that of a container that is there.
        if let known, known.mountNamespace != container.mountNamespace,
            known.cgroupPath != nil || namespaces.isRunning(known)
        {
            return nil
        }
        directory.add(container)
        namespaces.watch(container, found.firstProcess)
        return known == nil ? container : nil
    }

    /// What is known now of a container that may be gone.
    func current(_ container: Container) -> Container { directory.container(key: container.key) ?? container }

    /// Forgets containers without a control group whose first process is gone, and those that were to start and are not
    /// there. To be called now and then.
    /// - Returns: The keys of those that ended.
    mutating func removeEnded() -> [String] {
        tidyScope()
        let ended = namespaces.takeEnded().compactMap { directory.remove(containerID: $0)?.key }
        return ended + starting.takeEnded { directory.container(id: $0) != nil }
    }

    /// What a container's control group tells, where its runtime's state does not come.
    func stub(forCgroup path: String, _ record: ServerNameRecord) -> Container? {
        stubs[path].flatMap { $0.isSeen(inMountNamespace: record.caller.mountNamespace) ? $0 : nil }
    }

    /// The wanted containers by their keys, with a process in whose root folder each runs.
    func running() -> [(key: String, pid: Int32)] {
        directory.all.filter(isWanted).compactMap { container in container.initPid.map { (container.key, $0) } }
            .filter { $0.pid > 0 }
    }

    /// Whether a container is there, or is about to be.
    func isKnown(key: String) -> Bool { directory.isKnown(key: key) || starting.isExpected(key: key) }
}
