internal import Processes

/// LXC's containers. A name is all that LXC itself knows of a container; there is no list of those that run but the
/// monitors, a process for each.
public struct LXCRuntime: ContainerRuntime {
    public var name: RuntimeName { .lxc }
    private let monitors: [RuntimeProcess]

    public init(_ processes: [RuntimeProcess]) {
        monitors = processes.filter { Self.containerName(ofMonitor: $0.arguments) != nil }
    }

    /// The monitor's title, "[lxc monitor] PATH NAME" (lxc, src/lxc/lxccontainer.c, do_lxcapi_start), or, in the
    /// foreground, the command line of lxc-start and lxc-execute.
    /// - Returns: nil for another process.
    static func containerName(ofMonitor arguments: [String]) -> String? {
        let title = "[lxc monitor] "
        guard let program = arguments.first else { return nil }
        if program.hasPrefix(title) {
            // No name has a space; a path may.
            return program.dropFirst(title.count).split(separator: " ").last.map(String.init)
        }
        guard let file = program.split(separator: "/").last, ["lxc-start", "lxc-execute"].contains(file) else {
            return nil
        }
        return CommandLineOptions(arguments).last(of: ["-n", "--name"]) ?? arguments.dropFirst().first
    }

    public func container(_ clue: ContainerClue) throws -> Container? {
        guard clue.hint == .lxc else { return nil }
        // The monitor is there before the cgroup; who asks about a new one knows older processes only.
        let monitors = try RuntimeProcess.running().compactMap { Self.containerName(ofMonitor: $0.arguments) }
        // "web-1" where a cgroup "web" was left behind.
        let unnumbered = clue.id.lastIndex(of: "-").map { String(clue.id[..<$0]) }
        let name = [clue.id, unnumbered].compactMap(\.self).first(where: monitors.contains) ?? clue.id
        return Container(runtime: .lxc, id: name, name: name, cgroupPath: clue.cgroupPath)
    }

    public func containers() -> ContainerListing {
        var listing = ContainerListing()
        guard !monitors.isEmpty else { return listing }
        do {
            let children = try ProcessChildren()
            for monitor in monitors {
                guard let name = Self.containerName(ofMonitor: monitor.arguments) else { continue }
                let initPid = children.container(of: monitor.pid)
                listing.containers.append(
                    Container(
                        runtime: .lxc, id: name, name: name, initPid: initPid,
                        cgroupPath: initPid.flatMap { ProcessChildren.cgroup(of: $0, .lxc) }))
            }
        } catch {
            listing.failures.append(error)
        }
        return listing
    }

    public func bundlePath(ofContainer id: String) -> String? { nil }
}
