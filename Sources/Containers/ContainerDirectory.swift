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
    /// Those of `entries` that have a cgroup.
    private var index = CgroupIndex()
    /// By cgroup: the key of the entry that it was in when it was last looked at, which may have turned out to be the
    /// host's or another container's since; nil for a cgroup that is known to be the host's.
    private var owners: [UInt64: String?] = [:]
    /// How many entries each user has made.
    private var counts: [UInt32: Int] = [:]
    /// By `Container.ownID`, as everything here that takes an id.
    private var keysByID: [String: String] = [:]
    private var keysByNamespace: [UInt32: String] = [:]

    private struct Entry {
        /// nil: its runtime's state is still being read.
        var container: Container?
        /// Of the container's own cgroup; nil where there is no v2 hierarchy.
        var cgroupID: UInt64?
        /// Who made the cgroup; nil where that is not known.
        var maker: UInt32?
        /// The cgroup is gone; the entry stays until it is known whose it was, for events that wait for that.
        var isEnded = false
        /// While it is pending: containers' cgroups below, which are part of this one if it turns out to be one's.
        var containersBelow: [String] = []
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

    /// Takes in a cgroup of the v2 hierarchy of which only the beginning of the path is known.
    /// - Parameter path: Of a cgroup above.
    /// - Returns: nil where the rest matters.
    public mutating func add(cgroupID: UInt64, below path: String) -> Owner? {
        let key = key(above: path)
        guard key.map({ entries[$0]?.container != nil }) == true || CgroupIndex.isTooDeep(path + "/") else {
            return nil
        }
        owners[cgroupID] = .some(key)
        return key.map(owner) ?? .host
    }

    /// How many cgroups of one user may be containers' at a time. Root has no limit: its cgroups cost the kernel far
    /// more memory than an entry does.
    public static let mostOfUser = 1024

    /// Whether a cgroup is deeper than any container's own.
    public static func isTooDeep(_ path: String) -> Bool { CgroupIndex.isTooDeep(path) }

    /// Announces that a cgroup is a container's own, or may be: `settle` says which. One below another that is expected
    /// may be too: an OCI runtime makes the parents of a container's cgroup first.
    /// - Parameter maker: The user who made it; nil where that is not known.
    /// - Returns: Whether there was room for it among those of its maker; else it counts as the host's.
    @discardableResult
    public mutating func expect(cgroup path: String, cgroupID: UInt64?, maker: UInt32? = nil) -> Bool {
        forget(path)
        if let maker, maker != 0 {
            guard counts[maker, default: 0] < Self.mostOfUser else {
                if let cgroupID { owners[cgroupID] = .some(nil) }
                return false
            }
            counts[maker, default: 0] += 1
        }
        entries[path] = Entry(container: nil, cgroupID: cgroupID, maker: maker)
        index.insert(path)
        if let cgroupID { owners[cgroupID] = path }
        return true
    }

    /// Says what an expected cgroup is. What is below a container's cgroup is the container's, whatever was expected.
    /// - Parameter container: nil: the host's.
    /// - Returns: The cgroups of what counted as a container's own until now, or as what may be one, and is part of
    ///   another.
    @discardableResult
    public mutating func settle(cgroup path: String, _ container: Container?) -> [UInt64] {
        guard let entry = entries[path], entry.container == nil else { return [] }
        guard let container, key(above: path) == path else {
            forget(path)
            if entry.isEnded, let cgroupID = entry.cgroupID { owners[cgroupID] = nil }
            return container == nil ? [] : [entry.cgroupID].compactMap { $0 }
        }
        let parts = entry.containersBelow.compactMap { entries[$0]?.cgroupID }
        for below in entry.containersBelow { forget(below) }
        add(container)
        var expectedAbove: [String] = []
        index.visit(above: path) { above in
            if above != path { expectedAbove.append(above) }
            return true
        }
        for above in expectedAbove { entries[above]?.containersBelow.append(path) }
        return parts
    }

    /// Takes in a container, or what is new about it.
    public mutating func add(_ container: Container) {
        let key = container.key
        if entries[key] == nil { index.insert(key) }
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

    /// Whose a process in this cgroup of the v2 hierarchy is. Two look-ups, and more only where what is known of the
    /// cgroup has changed, or is about to.
    public mutating func owner(ofCgroup id: UInt64) -> Owner {
        guard let known = owners[id] else { return .unknown }
        guard let known else { return .host }
        if let container = entries[known]?.container { return .container(container) }
        let key = key(above: known)
        if key != known { owners[id] = .some(key) }
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

    public func container(key: String) -> Container? { entries[key]?.container }

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

    /// As `update(id:)`, of the container with a key.
    public mutating func update(key: String, _ change: (inout Container) -> Void) {
        guard var container = entries[key]?.container else { return }
        change(&container)
        entries[key]?.container = container
    }

    /// The cgroups of the v2 hierarchy that it knows.
    public var cgroupIDs: [UInt64] { Array(owners.keys) }

    /// The cgroups of containers, or of what may be one, that have no number.
    public var unnumberedCgroups: [String] {
        entries.compactMap { key, entry in entry.cgroupID == nil && key.hasPrefix("/") ? key : nil }
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
        var key: String?
        index.visit(above: path) { candidate in
            key = candidate
            return entries[candidate]?.container == nil
        }
        return key
    }

    @discardableResult
    private mutating func forget(_ key: String) -> Container? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        index.remove(key)
        if let maker = entry.maker, let count = counts[maker] { counts[maker] = count > 1 ? count - 1 : nil }
        guard let container = entry.container else { return nil }
        if keysByID[container.ownID] == key { keysByID[container.ownID] = nil }
        if let namespace = container.mountNamespace, keysByNamespace[namespace] == key {
            keysByNamespace[namespace] = nil
        }
        return container
    }
}
