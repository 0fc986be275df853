/// The command line of conmon, which watches one container of Podman or CRI-O and runs as long as it does:
/// `conmon -c ID -u ID -r RUNTIME -b BUNDLE -p PIDFILE -n NAME …` (containers/conmon, src/cli.c).
struct ConmonCommand: Equatable, Sendable {
    /// Of the container.
    let id: String
    /// As it was called when it was started; a later `podman rename` does not show here.
    let name: String?
    let bundlePath: String
    /// Where the OCI runtime writes the container's first process down.
    let pidFile: String?
    /// It watches a command that was started in a running container (`podman exec`).
    let isExec: Bool
    let runtime: RuntimeName

    /// - Parameter absolute: Makes a path of the command line absolute.
    /// - Returns: nil for what is no conmon with a container.
    init?(arguments: [String], absolute: (String) -> String) {
        let options = CommandLineOptions(arguments)
        // The first: what follows are arguments of the command to be run at the container's end, too.
        guard let id = options.values(of: ["-c", "--cid"]).first, CgroupPath.isContainerID(id),
            let bundle = options.values(of: ["-b", "--bundle"]).first
        else { return nil }
        self.id = id
        name = options.values(of: ["-n", "--name"]).first
        bundlePath = absolute(bundle)
        pidFile = options.values(of: ["-p", "--container-pidfile"]).first.map(absolute)
        isExec = arguments.contains { ["-e", "--exec", "--exec-attach", "--exec-process-spec"].contains($0) }
        // CRI-O's is told its own folder: /run/crio/exits, /var/run/crio.
        let folders = options.values(of: ["--exit-dir"]) + options.values(of: ["--socket-dir-path"])
        runtime = folders.contains { $0.split(separator: "/").contains("crio") } ? .crio : .podman
    }

    /// Of a process that runs.
    init?(_ process: RuntimeProcess) {
        self.init(arguments: process.arguments, absolute: process.absolute)
    }

    /// The folder of all containers of the same store: "…/overlay-containers" of "…/overlay-containers/ID/userdata".
    /// nil where the bundle is elsewhere.
    var storeFolder: String? {
        let suffix = "/\(id)/userdata"
        guard bundlePath.hasSuffix(suffix) else { return nil }
        return String(bundlePath.dropLast(suffix.utf8.count))
    }
}
