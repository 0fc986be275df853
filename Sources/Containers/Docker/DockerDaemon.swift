internal import OS

/// Where a Docker daemon keeps things. Several may run on one host.
public struct DockerDaemon: Equatable, Sendable {
    /// The daemon's process; nil for the assumed one.
    public let pid: Int32?
    /// Containers, images.
    public let dataRoot: String
    /// Sockets, bundles.
    public let execRoot: String
    /// Paths of the unix sockets of its API.
    public let sockets: [String]

    /// What a daemon uses that was told nothing, whether or not there is one.
    public static let assumed = DockerDaemon(
        pid: nil, dataRoot: "/var/lib/docker", execRoot: "/var/run/docker", sockets: ["/var/run/docker.sock"])

    /// The daemons among the runtimes' processes; where none runs, the one that would run by default, whose containers
    /// may.
    public static func among(_ processes: [RuntimeProcess]) -> [DockerDaemon] {
        let running = processes.filter { $0.comm == "dockerd" }.map { process in
            DockerDaemon(process) { path in try? JSONFile.decode(Settings.self, from: path, limit: 1 << 20) }
        }
        return running.isEmpty ? [.assumed] : running
    }

    /// What a command line and the settings file it names say (moby, cmd/dockerd). The command line goes first;
    /// dockerd refuses to start where both give one setting.
    init(_ process: RuntimeProcess, settings read: (String) -> Settings?) {
        let options = CommandLineOptions(process.arguments)
        let absolute = process.absolute
        let settings = read(absolute(options.last(of: ["--config-file"]) ?? "/etc/docker/daemon.json"))
        pid = process.pid
        dataRoot = absolute(
            options.last(of: ["--data-root", "-g", "--graph"]) ?? settings?.dataRoot ?? Self.assumed.dataRoot)
        execRoot = absolute(options.last(of: ["--exec-root"]) ?? settings?.execRoot ?? Self.assumed.execRoot)
        let hosts = options.values(of: ["-H", "--host"]) + (settings?.hosts ?? [])
        // "fd://" is the socket systemd hands over, which is the usual one.
        let sockets = hosts.isEmpty || hosts.contains { $0.hasPrefix("fd://") } ? Self.assumed.sockets : []
        self.sockets =
            sockets + hosts.filter { $0.hasPrefix("unix://") && $0 != "unix://" }.map { String($0.dropFirst(7)) }
    }

    init(pid: Int32?, dataRoot: String, execRoot: String, sockets: [String]) {
        self.pid = pid
        self.dataRoot = dataRoot
        self.execRoot = execRoot
        self.sockets = sockets
    }

    /// The part of daemon.json that says where things are.
    struct Settings: Decodable {
        var dataRoot: String?
        var execRoot: String?
        var hosts: [String]?

        enum CodingKeys: String, CodingKey {
            case dataRoot = "data-root"
            case execRoot = "exec-root"
            case hosts
        }
    }

    /// The OCI bundle of a container; nil where it is not known or not there yet. A containerd that dockerd started
    /// keeps it below dockerd's own folder, one that ran before in /run.
    public func bundlePath(ofContainer id: String) -> String? {
        guard CgroupPath.isContainerID(id) else { return nil }
        return ["\(execRoot)/containerd/daemon", "/run/containerd"]
            .map { "\($0)/io.containerd.runtime.v2.task/moby/\(id)" }
            .first { Files.exists($0 + "/config.json") }
    }
}
