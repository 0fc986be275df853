internal import Containers
internal import LibBPF
internal import OS
internal import Processes

/// Keeps the containers of this host: from the control groups that the kernel reports, what the runtimes' files say of
/// them and changes of names from their daemons; and tells the kernel which of them are wanted. Reads nothing that could
/// keep it waiting: whose a new control group is, other threads find out.
struct ContainerTracker {
    private var directory = ContainerDirectory()
    private let filter: SessionOptions.ContainerFilter?
    private let tree: CgroupTree?
    /// Control groups that were looked for in vain; their numbers are not given again.
    private var missing: Set<UInt64> = []
    private var namespaces = NamespaceWatch()
    /// Finds containers that have no control group of their own.
    private let monitors: MonitorReader
    /// What monitors told of containers before their runtimes' state was read, by control group.
    private var early: [String: Container] = [:]
    private static let mostEarly = 256
    /// Users' containers of which nothing but a monitor tells yet.
    private var starting = StartingContainers()
    /// What the user should know.
    private var notices: [String] = []

    /// What is known of the container of a process.
    enum Attribution {
        case known(Container?)
        /// It is being found out, and told by `settle`.
        case pending(key: String)
    }

    /// - Parameter tree: nil where there is no v2 hierarchy: a process's own cgroup paths decide then.
    init(filter: SessionOptions.ContainerFilter?, tree: CgroupTree?, monitors: MonitorReader) {
        self.filter = filter
        self.tree = tree
        self.monitors = monitors
    }

    /// How many run. The control groups of others may have been left behind.
    var count: Int {
        directory.all.count { container in
            guard container.initPid == nil, let tree, let path = container.cgroupPath else { return true }
            return tree.firstProcess(in: path) != nil
        }
    }

    var all: [Container] { directory.all }

    /// Takes in what is there already.
    mutating func addExisting(
        _ containers: [Container], _ runtimes: ContainerRuntimes, _ layout: CgroupLayout, _ program: TracerProgram
    ) throws {
        try directory.add(existing: containers, runtimes, layout)
        for container in directory.all {
            namespaces.watch(container)
            judge(container, program)
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
            // The kernel lets its events pass until it is told.
            if filter != nil, record.isUnified { try? program.removeContainer(cgroup: record.id) }
        case .known(.container(let container)) where container.cgroupPath == record.path:
            judge(container, program)
        case .suspected(let cgroup, let maker):
            return .job(.container(cgroup: cgroup, maker: maker))
        case .gone(let container?):
            return .ended(key: container.key)
        case .known, .gone:
            break
        }
        return .none
    }

    /// What was found out about a control group.
    mutating func settle(cgroup path: String, _ resolution: ContainerResolution?, _ program: TracerProgram) {
        if let failure = resolution?.failure {
            notices.append("\(failure); the container \(path) shows as its control group and bundle tell")
        }
        let number = directory.cgroupID(ofCgroup: path)
        directory.settle(cgroup: path, resolution?.container)
        if let monitored = early.removeValue(forKey: path), resolution != nil { _ = add(monitored: monitored, program) }
        if let container = resolution?.container {
            judge(container, program)
        } else if let number, filter != nil {
            try? program.removeContainer(cgroup: number)
        }
    }

    /// Forgets a container that ended before it was known whose it was.
    /// - Returns: Whether it had ended.
    mutating func removeEnded(key: String) -> Bool { directory.removeEnded(key: key) }

    private mutating func judge(_ container: Container, _ program: TracerProgram) {
        guard let filter, let cgroup = directory.cgroupID(of: container) else { return }
        do {
            // What a user calls like a container's cgroup may hold processes of the host.
            let isWanted = filter.isWanted(container) || (container.uid != nil && filter.includesHost)
            try program.setContainer(cgroup: cgroup, isWanted: isWanted)
        } catch {
            // The map has room for 16,384 groups.
            notices.append("the kernel does not filter the container \(container.name): \(error)")
        }
    }

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
        switch owner(of: record) {
        case .container(let container) where container.isSeen(inMountNamespace: record.mountNamespace):
            return .known(withInitPid(container))
        case .pending(let cgroup): return .pending(key: cgroup)
        case .container, .host, .unknown: break
        }
        // Without rights on cgroups a container has none of its own; its view of the file system is.
        let namespace = record.mountNamespace
        if namespace == ProcessRecord.hostMountNamespace { return .known(nil) }
        if let container = directory.container(forMountNamespace: namespace),
            namespaces.holds(container, NamespaceWatch.Caller(record))
        {
            return .known(container)
        }
        switch namespaces.state(of: namespace) {
        case .plain:
            return .known(nil)
        case .unknown:
            monitors.identify(pid: Int32(bitPattern: record.pid), namespace: namespace)
            return .pending(key: NamespaceWatch.key(namespace))
        case .asked:
            return .pending(key: NamespaceWatch.key(namespace))
        }
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
        case .container(let container):
            starting.appeared(id: container.ownID)
            return (container.mountNamespace.map(NamespaceWatch.key), add(monitored: container, program))
        case .namespace(let namespace, let container):
            namespaces.answer(namespace, isPlain: container == nil)
            return (NamespaceWatch.key(namespace), container.flatMap { add(monitored: $0, program) })
        }
    }

    private mutating func add(monitored container: Container, _ program: TracerProgram) -> Container? {
        let known = directory.container(id: container.ownID)
        if let cgroup = container.cgroupPath {
            // Its runtime's own state says more, but for what it does not tell.
            guard let known, known.cgroupPath == cgroup else {
                // Whose the control group is, is still being found out.
                if early.count < Self.mostEarly { early[cgroup] = container }
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
        namespaces.watch(container)
        return known == nil ? container : nil
    }

    /// Forgets containers without a control group whose first process is gone, and those that were to start and are not
    /// there. To be called now and then.
    /// - Returns: The keys of those that ended.
    mutating func removeEnded() -> [String] {
        let ended = namespaces.takeEnded().compactMap { directory.remove(containerID: $0)?.key }
        return ended + starting.takeEnded { directory.container(id: $0) != nil }
    }

    /// What a container's control group tells, where its runtime's state does not come.
    func stub(forCgroup path: String) -> Container? {
        Container(atCgroup: path)
    }

    private mutating func owner(of record: ServerNameRecord) -> ContainerDirectory.Owner {
        guard let tree else {
            let membership = try? CgroupMembership(pid: Int32(record.pid))
            return membership.map { directory.owner(ofPaths: $0.paths) } ?? .unknown
        }
        let owner = directory.owner(ofCgroup: record.cgroup)
        guard owner == .unknown, !missing.contains(record.cgroup) else { return owner }
        // Its creation was missed: a walk over all groups finds it.
        guard let path = try? tree.path(ofID: record.cgroup) else {
            if missing.count > 4096 { missing = [] }
            missing.insert(record.cgroup)
            return .unknown
        }
        return directory.add(cgroupID: record.cgroup, path: path)
    }

    /// Runtimes write a container's pid to their own files some time after its start; the bundle has it before.
    private mutating func withInitPid(_ container: Container) -> Container {
        guard container.initPid == nil, let bundle = container.bundlePath, let pid = OCIBundle.initPid(inBundle: bundle)
        else { return container }
        return directory.update(id: container.ownID) { $0.initPid = pid } ?? container
    }

    /// The containers by their keys, with a process in whose root folder each runs.
    func running() -> [(key: String, pid: Int32)] {
        directory.all.compactMap { container in container.initPid.map { (container.key, $0) } }.filter { $0.pid > 0 }
    }

    /// Whether a container is there, or is about to be.
    func isKnown(key: String) -> Bool { directory.isKnown(key: key) || starting.isExpected(key: key) }
}
