/// Which container a cgroup or a mount namespace belongs to. Knows what it is told and reads nothing. Used from one
/// thread; a copy is another directory.
public struct ContainerDirectory: Sendable {
    /// Whom a process belongs to.
    public enum Owner: Equatable, Sendable {
        case host
        case container(Container)
        /// A container's whose runtime's state is still being read; the cgroup is the container's own.
        case pending(cgroup: String)
        /// Nobody told of this cgroup.
        case unknown
    }

    /// Containers, and cgroups that are about to be one, by their own cgroup; those without one by their id.
    private var entries: [String: Entry] = [:]
    /// Keys of `entries` by cgroup; nil for a cgroup that is known to be the host's.
    private var owners: [UInt64: String?] = [:]
    /// By `Container.ownID`, as everything here that takes an id.
    private var keysByID: [String: String] = [:]
    private var keysByNamespace: [UInt32: String] = [:]

    private struct Entry {
        /// nil: its runtime's state is still being read.
        var container: Container?
        /// Of the container's own cgroup; nil where there is no v2 hierarchy.
        var cgroupID: UInt64?
        /// The cgroup is gone; the entry stays until it is known whose it was, for events that wait for that.
        var isEnded = false
    }

    public init() {}

    /// Takes in a cgroup of the v2 hierarchy.
    /// - Parameter path: From the root of the hierarchy. A container's descendants belong to it.
    /// - Returns: Whose it is by what is known now.
    @discardableResult
    public mutating func add(cgroupID: UInt64, path: String) -> Owner {
        let key = key(above: path)
        owners[cgroupID] = .some(key)
        guard let key else { return .host }
        if key == path { entries[key]?.cgroupID = cgroupID }
        return owner(key)
    }

    /// Announces that a cgroup is a container's own, or may be: `settle` says which. One below another that is expected
    /// may be too: an OCI runtime makes the parents of a container's cgroup first.
    public mutating func expect(cgroup path: String, cgroupID: UInt64?) {
        entries[path] = Entry(container: nil, cgroupID: cgroupID)
        if let cgroupID { owners[cgroupID] = path }
    }

    /// Says what an expected cgroup is.
    /// - Parameter container: nil: the host's.
    public mutating func settle(cgroup path: String, _ container: Container?) {
        guard let entry = entries[path], entry.container == nil else { return }
        if let container {
            add(container)
            adoptDescendants(of: path)
        } else {
            forget(path)
            for (cgroupID, key) in owners where key == path { owners[cgroupID] = .some(nil) }
        }
    }

    /// What is below a container's cgroup is the container's, also what was taken for another one meanwhile.
    private mutating func adoptDescendants(of path: String) {
        for below in entries.keys where below.hasPrefix(path + "/") {
            forget(below)
            for (cgroupID, key) in owners where key == below { owners[cgroupID] = path }
        }
    }

    /// Takes in a container, or what is new about it.
    public mutating func add(_ container: Container) {
        let key = container.key
        entries[key, default: Entry()].container = container
        keysByID[container.ownID] = key
        if let namespace = container.mountNamespace { keysByNamespace[namespace] = key }
    }

    /// Forgets a cgroup; with a container's own one the container, unless it is pending: `removeEnded` does it then.
    /// - Returns: The container that ended.
    @discardableResult
    public mutating func remove(cgroupID: UInt64) -> Container? {
        guard let key = owners[cgroupID] ?? nil, let entry = entries[key], entry.cgroupID == cgroupID else {
            owners[cgroupID] = nil
            return nil
        }
        if entry.container == nil {
            entries[key]?.isEnded = true
            return nil
        }
        owners[cgroupID] = nil
        return forget(key)
    }

    /// Forgets what ended while it was pending.
    /// - Returns: Whether it had ended.
    public mutating func removeEnded(key: String) -> Bool {
        guard let entry = entries[key], entry.isEnded else { return false }
        if let cgroupID = entry.cgroupID { owners[cgroupID] = nil }
        forget(key)
        return true
    }

    /// Forgets a container that has no cgroup of its own.
    @discardableResult
    public mutating func remove(containerID id: String) -> Container? {
        keysByID[id].flatMap { forget($0) }
    }

    /// Forgets a container whose cgroup has no number: on a host without the v2 hierarchy, or of a runtime that makes
    /// none there.
    @discardableResult
    public mutating func remove(unnumberedCgroup path: String) -> Container? {
        guard let entry = entries[path], entry.cgroupID == nil else { return nil }
        return forget(path)
    }

    /// Whose a process in this cgroup of the v2 hierarchy is. One or two look-ups.
    public func owner(ofCgroup id: UInt64) -> Owner {
        guard let key = owners[id] else { return .unknown }
        return key.map(owner) ?? .host
    }

    /// Whose a process with these cgroup paths is: the way where there is no v2 hierarchy.
    public func owner(ofPaths paths: [String]) -> Owner {
        paths.lazy.compactMap { key(above: $0) }.first.map(owner) ?? .unknown
    }

    /// The container without a cgroup of its own whose mount namespace this is.
    public func container(forMountNamespace namespace: UInt32) -> Container? {
        keysByNamespace[namespace].flatMap { entries[$0]?.container }
    }

    /// Of an id that several containers have (`ctr run` in two namespaces), the last one's.
    public func container(id: String) -> Container? {
        keysByID[id].flatMap { entries[$0]?.container }
    }

    /// The cgroup of a container's own, as the v2 hierarchy numbers it.
    public func cgroupID(of container: Container) -> UInt64? {
        entries[container.key]?.cgroupID
    }

    public func cgroupID(ofCgroup path: String) -> UInt64? { entries[path]?.cgroupID }

    /// Whether this container is there, or is about to be.
    public func isKnown(key: String) -> Bool { entries[key] != nil }

    /// Whether a cgroup is expected to be a container's, or is a container's own or below one.
    public func covers(cgroup path: String) -> Bool {
        guard let key = key(above: path) else { return false }
        return key == path || entries[key]?.container != nil
    }

    /// Changes what is known of a container.
    /// - Returns: The container as it is now; nil where there is none with this id.
    @discardableResult
    public mutating func update(id: String, _ change: (inout Container) -> Void) -> Container? {
        guard let key = keysByID[id], var container = entries[key]?.container else { return nil }
        change(&container)
        entries[key]?.container = container
        return container
    }

    /// The containers, by name.
    public var all: [Container] {
        entries.values.compactMap(\.container).sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    public var count: Int { entries.count }

    private func owner(_ key: String) -> Owner {
        guard let entry = entries[key] else { return .host }
        return entry.container.map { .container($0) } ?? .pending(cgroup: key)
    }

    /// The outermost container's cgroup at or above `path`: the one that the host's runtime knows, where containers run
    /// in containers. Where there is none, the innermost that is expected to be one.
    private func key(above path: String) -> String? {
        var expected: String?
        var end = path.startIndex
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            let candidate = String(path[..<end])
            guard let entry = entries[candidate] else { continue }
            if entry.container != nil { return candidate }
            expected = candidate
        }
        return expected
    }

    @discardableResult
    private mutating func forget(_ key: String) -> Container? {
        guard let container = entries.removeValue(forKey: key)?.container else { return nil }
        if keysByID[container.ownID] == key { keysByID[container.ownID] = nil }
        if let namespace = container.mountNamespace, keysByNamespace[namespace] == key {
            keysByNamespace[namespace] = nil
        }
        return container
    }
}
