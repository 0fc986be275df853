public import OS
internal import Processes

/// Which container a cgroup or a process belongs to. Used from one thread; a copy is another directory.
public struct ContainerDirectory: Sendable {
    private let runtimes: [any ContainerRuntime]
    /// Container ids by cgroup; nil for a cgroup that is known to be the host's.
    private var idsByCgroup: [UInt64: String?] = [:]
    private var entries: [String: Entry] = [:]

    private struct Entry {
        var container: Container
        var cgroups: Set<UInt64> = []
        /// Why the runtime's state could not be read, when it was last tried.
        var failure: (any Error)?
    }

    /// - Parameter runtimes: Asked in this order, those that the cgroup's path hints at first.
    public init(runtimes: [any ContainerRuntime]) {
        self.runtimes = runtimes
    }

    /// Takes in a cgroup. The runtime's state is read once for each container, when its first cgroup comes.
    /// - Parameters:
    ///   - cgroupID: In the v2 hierarchy; ids of v1 hierarchies collide with them.
    ///   - path: From the root of the hierarchy. A container's descendants belong to it.
    /// - Returns: The container it belongs to; nil for the host's cgroups.
    @discardableResult
    public mutating func add(cgroupID: UInt64, path: String) -> Container? {
        // Ids are not used again while the system runs (kernfs counts generations), but a caller may repeat itself.
        remove(cgroupID: cgroupID)
        guard let cgroup = CgroupPath.containerID(in: path) else {
            idsByCgroup[cgroupID] = .some(nil)
            return nil
        }
        idsByCgroup[cgroupID] = cgroup.id
        let container = container(of: cgroup)
        entries[cgroup.id]?.cgroups.insert(cgroupID)
        return container
    }

    /// Forgets a cgroup, and with its last one the container.
    public mutating func remove(cgroupID: UInt64) {
        guard let id = idsByCgroup.removeValue(forKey: cgroupID) ?? nil else { return }
        entries[id]?.cgroups.remove(cgroupID)
        if entries[id]?.cgroups.isEmpty == true { entries[id] = nil }
    }

    /// The container of a cgroup that was added; nil for the host's and for unknown ones. One or two look-ups.
    public func container(forCgroup id: UInt64) -> Container? {
        guard let container = idsByCgroup[id] ?? nil else { return nil }
        return entries[container]?.container
    }

    /// Whether the cgroup was added, as a container's or the host's.
    public func knows(cgroupID: UInt64) -> Bool {
        idsByCgroup[cgroupID] != nil
    }

    /// The container of a process, by the paths in /proc/PID/cgroup: also where there is no v2 hierarchy.
    /// - Returns: nil for a process of the host.
    /// - Throws: `isNotFound` for a process that has ended.
    public mutating func container(ofProcess pid: Int32) throws(SystemError) -> Container? {
        try container(ofPaths: CgroupMembership(pid: pid).paths)
    }

    /// The container that the first telling path belongs to. The way for v1 cgroups, whose ids are another hierarchy's:
    /// on a hybrid host they are made 15 ms before the v2 one, so they are the earliest sign of a container.
    public mutating func container(ofPaths paths: [String]) -> Container? {
        paths.lazy.compactMap(CgroupPath.containerID).first.map { container(of: $0) }
    }

    /// The containers met so far, by name.
    public var all: [Container] {
        entries.values.map(\.container).sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// Why containers show with their short id only, by id: the runtime's state was there and could not be read.
    public var failures: [String: any Error] {
        entries.compactMapValues(\.failure)
    }

    public func container(id: String) -> Container? {
        entries[id]?.container
    }

    /// Takes a name from the runtime's events. A container that was not met is left alone: its state has the name.
    public mutating func rename(id: String, name: String) {
        entries[id]?.container.name = name
    }

    public mutating func setInitPid(id: String, _ pid: Int32) {
        entries[id]?.container.initPid = pid
    }

    /// Reads the runtime's state of a container again: after its start, which gives it a pid.
    public mutating func refresh(id: String) {
        guard let known = entries[id]?.container else { return }
        let (container, failure) = stored(id: id, hint: known.runtime)
        entries[id]?.failure = failure
        if let container { entries[id]?.container = container }
    }

    /// Forgets a container and its cgroups.
    public mutating func remove(containerID id: String) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        for cgroup in entry.cgroups { idsByCgroup[cgroup] = nil }
    }

    private mutating func container(of cgroup: ContainerCgroup) -> Container {
        if let known = entries[cgroup.id] { return known.container }
        let (stored, failure) = stored(id: cgroup.id, hint: cgroup.runtime)
        let container = stored ?? Container(of: cgroup)
        entries[cgroup.id] = Entry(container: container, failure: failure)
        return container
    }

    private func stored(id: String, hint: RuntimeName?) -> (container: Container?, failure: (any Error)?) {
        var failure: (any Error)?
        for runtime in runtimes.filter({ $0.name == hint }) + runtimes.filter({ $0.name != hint }) {
            do {
                if let container = try runtime.container(id: id) { return (container, nil) }
            } catch {
                failure = failure ?? error
            }
        }
        return (nil, failure)
    }
}
