internal import Processes

/// Containers of systemd-nspawn. With systemd each has a scope or service, whose name tells; without (`--register=no
/// --keep-unit`) several share the cgroup "payload" beside whoever started them, and only the mount namespace tells
/// them apart.
public struct NspawnRuntime: ContainerRuntime {
    public var name: RuntimeName { .nspawn }
    private let processes: [RuntimeProcess]

    public init(_ processes: [RuntimeProcess]) {
        self.processes = processes.filter { Self.machineName($0) != nil }
    }

    public func container(_ clue: ContainerClue) throws -> Container? {
        guard clue.hint == .nspawn else { return nil }
        return Container(runtime: .nspawn, id: clue.id, name: clue.id, cgroupPath: clue.cgroupPath)
    }

    public func containers() -> ContainerListing {
        var listing = ContainerListing()
        guard !processes.isEmpty else { return listing }
        do {
            let children = try ProcessChildren()
            let pids = Set(processes.map(\.pid))
            for process in processes {
                // What one forks on its way to the container still looks like it, and ends soon.
                guard let parent = try? ProcessStatus(pid: process.pid).parent, !pids.contains(parent) else { continue }
                guard let asked = Self.machineName(process) else { continue }
                let initPid = children.container(of: process.pid)
                let cgroup = initPid.flatMap { ProcessChildren.cgroup(of: $0, .nspawn) }
                // `--ephemeral` makes the name longer by digits that only the scope tells.
                let name = cgroup.flatMap(CgroupPath.containerID)?.id ?? asked
                listing.containers.append(
                    Container(runtime: .nspawn, id: name, name: name, initPid: initPid, cgroupPath: cgroup))
            }
        } catch {
            listing.failures.append(error)
        }
        return listing
    }

    public func bundlePath(ofContainer id: String) -> String? { nil }

    /// `--machine`, else what the folder or the image is called (systemd, src/nspawn/nspawn.c, determine_names).
    /// - Returns: nil for another process.
    static func machineName(_ process: RuntimeProcess) -> String? {
        guard let program = process.arguments.first?.split(separator: "/").last, program == "systemd-nspawn" else {
            return nil
        }
        let options = CommandLineOptions([String(program)] + ownArguments(process.arguments.dropFirst()))
        if let machine = options.last(of: ["-M", "--machine"]) { return machine }
        let place = options.last(of: ["-D", "--directory"]) ?? options.last(of: ["-i", "--image"]) ?? "."
        let path = place == "." ? process.workingDirectory : place
        guard let last = path.split(separator: "/").last else { return nil }
        return String(last.hasSuffix(".raw") ? last.dropLast(4) : last)
    }

    /// The options before the command that runs in the container, those of one letter apart from each other: "-bDx"
    /// is "-D", "x".
    private static func ownArguments(_ arguments: ArraySlice<String>) -> [String] {
        var own: [String] = []
        var rest = arguments
        while let argument = rest.popFirst(), argument.hasPrefix("-"), argument != "--" {
            if argument.hasPrefix("--") {
                own.append(argument)
                if !argument.contains("="), !flags.contains(argument), let value = rest.popFirst() { own.append(value) }
                continue
            }
            guard let letter = argument.firstIndex(where: letters.contains) else { continue }
            let value = argument[argument.index(after: letter)...]
            if let value = value.isEmpty ? rest.popFirst() : String(value) { own += ["-\(argument[letter])", value] }
        }
        return own
    }

    /// Options of one letter that have a value.
    private static let letters: Set<Character> = ["D", "u", "L", "M", "S", "Z", "i", "p", "E"]
    /// Long options that stand without a value, or with one behind "=" only.
    private static let flags: Set<String> = [
        "--as-pid2", "--boot", "--ephemeral", "--help", "--keep-unit", "--network-veth", "--no-pager", "--pipe",
        "--private-network", "--private-users", "--private-users-chown", "--quiet", "--read-only", "--share-system",
        "--version", "--volatile",
    ]
}
