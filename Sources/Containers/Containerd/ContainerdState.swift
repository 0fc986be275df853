internal import OS

/// The folder of one containerd in which its shims' bundles lie, `STATE/io.containerd.runtime.v2.task`.
public struct ContainerdState: Equatable, Sendable {
    public let tasks: String

    public init(tasks: String) {
        self.tasks = tasks
    }

    /// - Parameter folder: containerd's `--state`.
    init(folder: String) {
        tasks = folder + "/io.containerd.runtime.v2.task"
    }

    /// Where a containerd that was told nothing keeps it.
    static let usual = ContainerdState(folder: "/run/containerd")

    /// The state of the daemons and of the shims that run, each once; shims outlive their daemon, and tell where it
    /// kept its state. The usual one is always among them.
    static func among(_ processes: [RuntimeProcess], settings read: (String) -> String?) -> [ContainerdState] {
        var states = [usual]
        for process in processes {
            let state =
                switch process.comm {
                case "containerd": ContainerdState(daemon: process, settings: read)
                case "containerd-shim": ContainerdState(shim: process)
                default: ContainerdState?.none
                }
            if let state, !states.contains(state) { states.append(state) }
        }
        return states
    }

    /// By a daemon's command line and the settings file it names; the command line goes first.
    /// - Parameter read: The text of a settings file; nil where there is none.
    init(daemon process: RuntimeProcess, settings read: (String) -> String?) {
        let options = CommandLineOptions(process.arguments)
        let file = process.absolute(options.last(of: ["--config", "-c"]) ?? "/etc/containerd/config.toml")
        let folder = options.last(of: ["--state"]) ?? read(file).flatMap(Self.stateFolder) ?? "/run/containerd"
        self.init(folder: process.absolute(folder))
    }

    /// By the working folder of a shim: the bundle of its first container, which is a pod's sandbox.
    /// - Returns: nil for what is no shim of a container.
    init?(shim process: RuntimeProcess) {
        let deleted = " (deleted)"
        let folder = process.workingDirectory
        let path = folder.hasSuffix(deleted) ? String(folder.dropLast(deleted.count)) : folder
        guard let bundle = ContainerdBundle(path: path),
            bundle.namespace == CommandLineOptions(process.arguments).last(of: ["-namespace", "--namespace"])
        else { return nil }
        self.init(tasks: bundle.tasks)
    }

    /// The `state = "…"` above all tables of a config.toml.
    static func stateFolder(inSettings text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.drop(while: \.isWhitespace)
            if line.hasPrefix("[") { return nil }
            guard let equals = line.firstIndex(of: "="), line[..<equals].filter({ !$0.isWhitespace }) == "state"
            else { continue }
            let value = line[line.index(after: equals)...].drop(while: \.isWhitespace)
            guard let quote = value.first, quote == "\"" || quote == "'" else { return nil }
            let folder = value.dropFirst().prefix { $0 != quote }
            return folder.isEmpty ? nil : String(folder)
        }
        return nil
    }

    /// The bundles of all namespaces.
    /// - Throws: `SystemError`.
    func bundles() throws(SystemError) -> [ContainerdBundle] {
        var bundles: [ContainerdBundle] = []
        for namespace in try namespaces() {
            for id in try Files.names(in: "\(tasks)/\(namespace)") where ContainerdBundle.isIdentifier(id) {
                bundles.append(ContainerdBundle(tasks: tasks, namespace: namespace, id: id))
            }
        }
        return bundles
    }

    /// The bundle of a container in whichever namespace it is.
    /// - Returns: nil where there is none.
    /// - Throws: `SystemError` where this can't be found out.
    func bundle(ofContainer id: String) throws(SystemError) -> ContainerdBundle? {
        guard ContainerdBundle.isIdentifier(id) else { return nil }
        return try namespaces().lazy.map { ContainerdBundle(tasks: tasks, namespace: $0, id: id) }
            .first { Files.exists($0.path + "/config.json") }
    }

    /// None where no containerd ever kept its state here.
    private func namespaces() throws(SystemError) -> [String] {
        do throws(SystemError) {
            return try Files.names(in: tasks).filter(ContainerdBundle.isIdentifier)
        } catch {
            if error.isNotFound { return [] }
            throw error
        }
    }
}
