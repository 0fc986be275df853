import ArgumentParser
import Containers
import LibBPF
import OS
import Rendering
import Tracing

/// `[what]`: which processes and containers, the same for every command.
struct TargetOptions: ParsableArguments {
    enum Scope: String, ExpressibleByArgument, CaseIterable {
        case all, containers, host
    }

    @OptionGroup var containers: ContainerOptions

    @Option(help: ArgumentHelp("Processes by id.", valueName: "list"))
    var pid: [String] = []

    @Option(help: ArgumentHelp("Threads or processes by name, as the kernel keeps it (15 bytes).", valueName: "list"))
    var comm: [String] = []

    @Option(help: ArgumentHelp("Processes by user id.", valueName: "list"))
    var uid: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only this file, running now or later: a path, or CONTAINER:/PATH; may be repeated.", valueName: "path"))
    var binary: [String] = []

    @Option(help: "Processes in containers, those of the host, or all.")
    var scope: Scope = .all

    /// The lists, read.
    func selection() throws -> TargetSelection {
        try TargetSelection(self)
    }

    /// The files of `--binary`.
    func binaries() throws -> [FileTarget] {
        try binary.map { try FileTarget(argument: $0, of: "--binary") }
    }
}

/// Which processes and containers are wanted. Patterns are shell globs; `!x` excludes.
struct TargetSelection: Sendable {
    let runtimes: Selection
    let containerNames: Selection
    let namespaces: Selection
    let podNames: Selection
    let pids: Selection
    let comms: Selection
    let uids: Selection
    let scope: TargetOptions.Scope

    init(_ options: TargetOptions) throws {
        runtimes = try Selection(options.containers.runtimes, option: "--runtimes")
        // A user's container is "alice/web": no pattern for root's matches it.
        containerNames = try Selection(
            options.containers.containerName, option: "--containername", stopsAtSlash: true)
        namespaces = try Selection(options.containers.namespace, option: "--namespace")
        podNames = try Selection(options.containers.podName, option: "--podname")
        pids = try Selection(options.pid, option: "--pid")
        comms = try Selection(options.comm, option: "--comm")
        uids = try Selection(options.uid, option: "--uid")
        scope = options.scope
        for name in runtimes.literals where !RuntimeName.all.map(\.rawValue).contains(name) {
            throw UsageError(
                "unknown runtime '\(name)' in --runtimes; known are "
                    + RuntimeName.all.map(\.rawValue).joined(separator: ", "))
        }
        for (list, option) in [(pids, "--pid"), (uids, "--uid")] {
            for text in list.literals where UInt32(text) == nil {
                throw UsageError("'\(text)' in \(option) is not a number; give numbers, divided by commas")
            }
        }
    }

    /// nil where every container and the host are wanted.
    var containerFilter: SessionOptions.ContainerFilter? {
        let lists = [runtimes, containerNames, namespaces, podNames]
        guard scope != .all || lists.contains(where: { !$0.isEmpty }) else { return nil }
        return SessionOptions.ContainerFilter(includesHost: includesHost) { matches($0) }
    }

    /// A list of names wanted leaves out what has none.
    var includesHost: Bool {
        scope != .containers && ![runtimes, containerNames, namespaces, podNames].contains(where: \.hasInclusions)
    }

    func matches(_ container: Container?) -> Bool {
        guard let container else { return includesHost }
        return scope != .host && runtimes.matches(container.runtime.rawValue)
            && containerNames.matches(anyOf: [container.name, container.kubernetes?.containerName ?? container.name])
            && namespaces.matches(container.kubernetes?.namespace ?? "")
            && podNames.matches(container.kubernetes?.podName ?? "")
    }

    func matches(pid: Int32, comm: String, uid: UInt32) -> Bool {
        (pids.isEmpty || pids.matches(String(pid))) && (comms.isEmpty || comms.matches(comm))
            && (uids.isEmpty || uids.matches(String(uid)))
    }

    /// Decides about processes by what else they are than a container's; nil where all are wanted.
    var processFilter: SessionOptions.ProcessFilter? {
        guard ![pids, comms, uids].allSatisfy(\.isEmpty) else { return nil }
        return { matches(pid: $0, comm: $1, uid: $2) }
    }

    /// The kernel checks only lists of plain values: this checks all.
    func matches(_ caller: Caller) -> Bool {
        (pids.isEmpty || pids.matches(String(caller.pid)))
            && (comms.isEmpty || comms.matches(anyOf: [caller.comm, caller.processComm]))
            && (uids.isEmpty || uids.matches(String(caller.uid)))
    }

    /// The processes, where they are named one by one.
    /// - Throws: `CommandFailure` for one that does not run.
    func exactPids() throws -> [Int32]? {
        guard let pids = pids.exactNames?.compactMap({ Int32($0) }) else { return nil }
        for pid in pids where !Files.exists("/proc/\(pid)") {
            throw CommandFailure("there is no process \(pid) (--pid): it has ended, or never was")
        }
        return pids
    }
}
