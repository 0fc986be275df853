internal import Containers
internal import LibBPF
internal import OS
internal import Processes

/// Keeps the containers of this host: from the control groups that the kernel reports, with names from the runtimes'
/// own files and changes of names from their daemons; and tells the kernel which of them are wanted.
struct ContainerTracker {
    private var directory: ContainerDirectory
    private var daemons: [DockerDaemon]
    private let filter: SessionOptions.ContainerFilter?
    private let tree: CgroupTree?
    /// Container cgroups whose verdict the kernel has.
    private var judged: [UInt64: String] = [:]
    /// Control groups that were looked for in vain; their numbers are not given again.
    private var missing: Set<UInt64> = []
    /// What the user should know.
    private var notices: [String] = []

    /// - Parameter tree: nil where there is no v2 hierarchy: a process's own cgroup paths decide then.
    init(daemons: [DockerDaemon], filter: SessionOptions.ContainerFilter?, tree: CgroupTree?) {
        self.daemons = daemons
        self.filter = filter
        self.tree = tree
        directory = ContainerDirectory(runtimes: [DockerRuntime(daemons: daemons)])
    }

    var count: Int { directory.all.count }
    var sockets: [String] { daemons.flatMap(\.sockets) }

    /// Takes in what is there already.
    mutating func addExisting(_ program: TracerProgram) throws {
        for node in try tree?.nodes() ?? [] { add(node.id, path: node.path, program) }
    }

    /// A control group came or went.
    /// - Returns: What is to be probed before the container's program runs.
    mutating func apply(_ record: CgroupRecord, _ program: TracerProgram) -> ProbeJob? {
        guard record.isCreated else {
            directory.remove(cgroupID: record.id)
            if judged.removeValue(forKey: record.id) != nil { try? program.removeContainer(cgroup: record.id) }
            return nil
        }
        guard let container = add(record.id, path: record.path, program),
            CgroupPath.containerID(in: record.path)?.path == record.path
        else { return nil }
        return bundlePath(container, creator: record.pid).map { .bundle(path: $0) }
    }

    @discardableResult
    private mutating func add(_ cgroup: UInt64, path: String, _ program: TracerProgram) -> Container? {
        guard let container = directory.add(cgroupID: cgroup, path: path) else { return nil }
        judge(cgroup, container, program)
        return container
    }

    private mutating func judge(_ cgroup: UInt64, _ container: Container, _ program: TracerProgram) {
        guard let filter else { return }
        judged[cgroup] = container.id
        do {
            try program.setContainer(cgroup: cgroup, isWanted: filter.isWanted(container))
        } catch {
            // The map has room for 16,384 groups.
            notices.append("the kernel does not filter the container \(container.name): \(error)")
        }
    }

    /// The bundle is named by the runtime's own command line, or lies where the daemon keeps them.
    private func bundlePath(_ container: Container, creator: UInt32) -> String? {
        if let arguments = ProcessRecord.trustedArguments(of: Int32(creator)),
            let path = OCIBundle.path(fromCommandLine: arguments), path.hasPrefix("/")
        {
            return path
        }
        return daemons.lazy.compactMap { $0.bundlePath(ofContainer: container.id) }.first
    }

    /// What the user should know, once.
    mutating func takeNotices() -> [String] {
        defer { notices = [] }
        return notices
    }

    mutating func apply(_ change: DockerChange, _ program: TracerProgram) {
        switch change {
        case .renamed(let id, let name):
            directory.rename(id: id, name: name)
            rejudge(id, program)
        case .appeared(let container):
            directory.rename(id: container.id, name: container.name)
            rejudge(container.id, program)
        case .started(let id):
            directory.refresh(id: id)
        case .disconnected(let error) where error.kind != .absent:
            notices.append("\(error); names come from its files on disk until it answers")
        case .connected, .disconnected, .stopped, .removed:
            break
        }
    }

    private mutating func rejudge(_ id: String, _ program: TracerProgram) {
        guard let container = directory.container(id: id) else { return }
        for (cgroup, owner) in judged where owner == id { judge(cgroup, container, program) }
    }

    /// The container of a process that was seen in a call.
    mutating func container(of record: ServerNameRecord) -> Container? {
        if let container = directory.container(forCgroup: record.cgroup) { return withInitPid(container) }
        if directory.knows(cgroupID: record.cgroup) { return nil }
        if let tree {
            guard !missing.contains(record.cgroup) else { return nil }
            // Its creation was missed: a walk over all groups finds it.
            guard let path = try? tree.path(ofID: record.cgroup) else {
                if missing.count > 4096 { missing = [] }
                missing.insert(record.cgroup)
                return nil
            }
            return directory.add(cgroupID: record.cgroup, path: path)
        }
        return try? directory.container(ofProcess: Int32(record.pid))
    }

    /// Docker writes a container's pid to its own files some time after the start; the bundle has it before.
    private mutating func withInitPid(_ container: Container) -> Container {
        guard container.initPid == nil,
            let bundle = daemons.lazy.compactMap({ $0.bundlePath(ofContainer: container.id) }).first,
            let text = try? Files.read(bundle + "/init.pid", limit: 64),
            let pid = Int32(String(decoding: text, as: UTF8.self))
        else { return container }
        directory.setInitPid(id: container.id, pid)
        return directory.container(id: container.id) ?? container
    }

    /// Processes in whose root folders containers run, one for each.
    func rootProcesses() -> [Int32] {
        directory.all.compactMap(\.initPid).filter { $0 > 0 }
    }
}
