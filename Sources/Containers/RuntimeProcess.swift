public import OS
internal import Processes

/// A process that keeps containers: a daemon, or the monitor of a container (shim, conmon). Its command line and working
/// folder say where state is kept, so that folders of its own choice are found too.
public struct RuntimeProcess: Sendable, Equatable {
    public let pid: Int32
    /// The kernel's name of it, cut to 15 bytes: "dockerd", "containerd-shim", "conmon".
    public let comm: String
    public let uid: UInt32
    /// The first is the program.
    public let arguments: [String]
    public let workingDirectory: String

    public init(pid: Int32, comm: String, uid: UInt32, arguments: [String], workingDirectory: String) {
        self.pid = pid
        self.comm = comm
        self.uid = uid
        self.arguments = arguments
        self.workingDirectory = workingDirectory
    }

    /// Of a process that is believed: root's own, which sees the host's root folder. The command lines of others are
    /// read from memory that they may serve themselves, for as long as they like.
    /// - Returns: nil for a process of another user or in a container, and for one that has ended.
    public init?(pid: Int32, comm: String) {
        guard ProcessRecord.isRootOfHost(pid), ProcessRecord.seesHostRoot(pid) else { return nil }
        self.init(unverified: pid, comm: comm, uid: 0)
    }

    /// Of any user's process. The read may never end: for a thread that can be spared.
    init?(unverified pid: Int32, comm: String, uid: UInt32) {
        guard let arguments = try? ProcessRecord.arguments(of: pid), !arguments.isEmpty else { return nil }
        let folder = try? Files.linkTarget("/proc/\(pid)/cwd")
        self.init(pid: pid, comm: comm, uid: uid, arguments: arguments, workingDirectory: folder ?? "/")
    }

    /// A path of its command line as this host sees it.
    public func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return (workingDirectory == "/" ? "" : workingDirectory) + "/" + path
    }

    /// Names of programs that keep containers, as the kernel cuts them.
    private static let comms: Set<String> = [
        "dockerd", "containerd", "containerd-shim", "conmon", "crio", "runc", "crun", "lxc-start", "lxc-execute",
        "systemd-nspawn",
    ]

    /// Those of root that run on this host now, without those in containers: their containers are, for this host, part
    /// of the outer one.
    /// - Throws: when /proc can't be listed.
    public static func running() throws(SystemError) -> [RuntimeProcess] {
        try Processes.all().concurrentMap { pid -> RuntimeProcess? in
            guard let comm = ProcessRecord.comm(of: pid), isRuntime(comm: comm),
                let cgroups = try? CgroupMembership(pid: pid),
                !cgroups.paths.contains(where: { CgroupPath.containerID(in: $0) != nil }),
                // Paths of its command line are the host's only there. A container's cgroup need not look like one.
                ProcessRecord.isInHostMountNamespace(pid)
            else { return nil }
            return RuntimeProcess(pid: pid, comm: comm)
        }.compactMap(\.self)
    }

    /// Whether a process of this name may keep containers.
    public static func isRuntime(comm: String) -> Bool {
        comms.contains(comm) || comm.hasPrefix("[lxc monitor]")
    }
}
