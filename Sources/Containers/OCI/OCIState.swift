internal import OS
internal import Processes

/// What an OCI runtime writes down of one container.
struct OCIState: Sendable {
    enum Format: Sendable {
        /// ID/state.json (runc, libcontainer/container_linux.go, State).
        case runc
        /// ID/status (crun, src/libcrun/status.c).
        case crun

        var fileName: String {
            switch self {
            case .runc: "state.json"
            case .crun: "status"
            }
        }
    }

    let id: String
    let bundlePath: String?
    /// The first process, as it was when the container was made; nil for none.
    var process: ProcessIdentity?
    /// Paths of the container's cgroups: of runc's folders in the file system, of crun's from the hierarchy's root.
    private let cgroups: [String]
    private let format: Format

    init(id: String, json: [UInt8], format: Format, of file: String) throws(StateError) {
        self.id = id
        self.format = format
        switch format {
        case .runc:
            let wanted = JSONTrim.object(
                json,
                keeping: [
                    "init_process_pid": [], "init_process_start": [], "cgroup_paths": [], "config": ["labels"],
                ])
            let record = try JSONFile.decode(Runc.self, from: wanted ?? json, of: file)
            process = Self.process(record.pid, record.startTime)
            cgroups = (record.cgroups ?? [:]).sorted { $0.key < $1.key }.map(\.value)
            bundlePath = record.config?.labels?.first { $0.hasPrefix("bundle=") }.map { String($0.dropFirst(7)) }
        case .crun:
            let record = try JSONFile.decode(Crun.self, from: json, of: file)
            process = Self.process(record.pid, record.startTime)
            cgroups = [record.cgroup].compactMap(\.self)
            bundlePath = record.bundle
        }
    }

    /// nil where the process has ended, also where another one has its number by now.
    var initPid: Int32? { process.flatMap { $0.isCurrent ? $0.pid : nil } }

    /// The container's own cgroup, from the hierarchy's root; in hybrid the v2 one, where there is one. nil where it is
    /// not there: a runtime without rights on cgroups goes on without one, and writes it down all the same.
    func cgroupPath(_ layout: CgroupLayout) -> String? {
        switch format {
        case .crun:
            return cgroups.first { $0.hasPrefix("/") && $0 != "/" }
        case .runc:
            // The v2 hierarchy has no controllers in its name, so it stands first.
            guard let path = cgroups.first(where: Files.exists) else { return nil }
            let mounts = [layout.unified].compactMap(\.self) + layout.legacy.values
            let mount = mounts.filter { path.hasPrefix($0 + "/") }.max { $0.count < $1.count }
            return mount.map { String(path.dropFirst($0.count)) }
        }
    }

    private static func process(_ pid: Int32?, _ startTime: UInt64?) -> ProcessIdentity? {
        guard let pid, pid > 0, let startTime else { return nil }
        return ProcessIdentity(pid: pid, startTime: startTime)
    }

    private struct Runc: Decodable {
        struct Config: Decodable { let labels: [String]? }
        let pid: Int32?
        /// Clock ticks since boot.
        let startTime: UInt64?
        let cgroups: [String: String]?
        let config: Config?

        enum CodingKeys: String, CodingKey {
            case pid = "init_process_pid"
            case startTime = "init_process_start"
            case cgroups = "cgroup_paths"
            case config
        }
    }

    private struct Crun: Decodable {
        let pid: Int32?
        /// Clock ticks since boot.
        let startTime: UInt64?
        let cgroup: String?
        let bundle: String?

        enum CodingKeys: String, CodingKey {
            case pid
            case startTime = "process-start-time"
            case cgroup = "cgroup-path"
            case bundle
        }
    }
}
