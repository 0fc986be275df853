internal import OS
internal import Processes

/// A conmon and what it can reach: the way to a container that has no control group of its own.
///
/// Its command line is its own memory, its files may lie on a file system that it serves itself: all reads of another
/// user's may never end, and nothing in them is believed that the kernel does not confirm.
final class Monitor: Sendable {
    let pid: Int32
    let uid: UInt32
    let command: ConmonCommand
    /// Its root folder, also after its end.
    private let root: Descriptor

    /// - Returns: nil for what is no conmon, for one in a container (this host's runtimes know the outer one; its cgroup
    ///   need not look like a container's), and for one that has ended.
    init?(pid: Int32, uid: UInt32) {
        guard uid != 0 || ProcessRecord.isRootOfHost(pid), ProcessRecord.seesHostRoot(pid),
            let root = try? Descriptor.handle("/proc/\(pid)/root"),
            let process = RuntimeProcess(unverified: pid, comm: Self.comm, uid: uid),
            let command = ConmonCommand(process), !Self.isInContainer(pid)
        else { return nil }
        self.pid = pid
        self.uid = uid
        self.command = command
        self.root = root
    }

    static let comm = "conmon"

    /// The conmons that run on this host now, each with its user. Asks the kernel only.
    static func running() -> [(pid: Int32, uid: UInt32)] {
        // Without /proc none is found.
        let pids = (try? Processes.all()) ?? []
        return pids.concurrentMap { pid -> (pid: Int32, uid: UInt32)? in
            guard isMonitor(pid), let uid = try? ProcessRecord.credentials(of: pid).uid else { return nil }
            return (pid, uid)
        }.compactMap(\.self)
    }

    /// By its name, which a process is free to choose.
    static func isMonitor(_ pid: Int32) -> Bool {
        ProcessRecord.comm(of: pid) == comm
    }

    private static func isInContainer(_ pid: Int32) -> Bool {
        guard let cgroups = try? CgroupMembership(pid: pid) else { return true }
        return cgroups.paths.contains { CgroupPath.containerID(in: $0) != nil }
    }

    /// The container, once its first process is there.
    /// - Returns: nil until then.
    func container() -> Container? {
        firstProcess().flatMap(container)
    }

    /// The container with this first process.
    /// - Returns: nil for a process that sees what its conmon sees: the container is not there yet, or this is
    ///   something else that conmon has started.
    func container(firstProcess: Int32) -> Container? {
        guard let namespace = ProcessRecord.mountNamespace(of: firstProcess),
            let monitor = (try? ProcessStatus(pid: firstProcess))?.parent,
            namespace != ProcessRecord.mountNamespace(of: monitor)
        else { return nil }
        let record = record()
        // Without a bundle: it is the user's own, and not to be read again by others.
        let container = Container(
            // CRI-O runs as root.
            runtime: uid == 0 ? command.runtime : .podman, id: command.id,
            name: Container.name(record?.name ?? command.name, id: command.id), imageName: record?.imageName,
            initPid: firstProcess
        ).owned(by: uid)
        let completed = ContainerRuntimes.completed(container)
        return completed.initPid == nil ? nil : completed
    }

    /// As the pid file has it, if that is a child of a conmon of the same user. Conmon puts itself into the background:
    /// the one that was seen to start need not be the one that stays.
    private func firstProcess() -> Int32? {
        guard let path = command.pidFile, let text = try? read(path, limit: 64),
            let pid = Int32(String(decoding: text, as: UTF8.self).filter(\.isNumber)), pid > 1,
            let parent = (try? ProcessStatus(pid: pid))?.parent, Self.isMonitor(parent),
            (try? ProcessRecord.credentials(of: parent).uid) == uid
        else { return nil }
        return pid
    }

    /// What the container's program will be. Podman writes it down before it starts the conmon.
    /// - Throws: `SystemError`, `StateError`.
    func bundle() throws -> OCIBundle {
        try OCIBundle(path: command.bundlePath, json: read(command.bundlePath + "/config.json", limit: 16 << 20))
    }

    /// A folder as the conmon sees it: no link leads out.
    /// - Throws: `SystemError`; also for a folder of another user's, which it may name but not give away.
    func folder(_ path: String) throws(SystemError) -> Descriptor {
        let folder = try Descriptor.handle(inRoot: root.path, path: path)
        guard try FileStatus(descriptor: folder, path: path).owner == uid else {
            throw SystemError("open", path, code: 0, hint: "it is another user's.")
        }
        return folder
    }

    private func record() -> ContainerStore.Record? {
        guard let folder = command.storeFolder else { return nil }
        // The name on the command line will do.
        let records = try? ContainerStore(folder: folder).records { path in try? read(path, limit: 4 << 20) }
        return records?.first { $0.id == command.id }
    }

    /// Reads a regular file of the conmon's user, as the conmon sees it: no link leads out.
    private func read(_ path: String, limit: UInt64) throws(SystemError) -> [UInt8] {
        let file = try RegularFile(handle: Descriptor.handle(inRoot: root.path, path: path), path: path)
        guard file.status.owner == uid, file.status.size <= limit else {
            throw SystemError("read", path, code: 0, hint: "it is another user's, or too large.")
        }
        return try file.read(at: 0, count: Int(limit))
    }
}
