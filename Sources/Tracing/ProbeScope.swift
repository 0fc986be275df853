internal import Containers
internal import Processes
internal import Synchronization

/// Whose files are probed where not all containers are wanted. The event loop tells what it knows of control groups; the
/// threads that look into files ask. In doubt a file is probed: a lost name is worse than a probe too many.
final class ProbeScope: Sendable {
    private enum Verdict {
        case wanted
        case unwanted
        /// It may be a container's: that is being found out.
        case pending
    }

    /// How many processes of a file are asked; of a file with more, one may be wanted.
    private static let mostAsked = 1024

    private let filter: SessionOptions.ContainerFilter
    /// By the path of a control group, from the root of any hierarchy.
    private let verdicts = Mutex<[String: Verdict]>([:])

    init(_ filter: SessionOptions.ContainerFilter) {
        self.filter = filter
    }

    /// Whether processes in no container are wanted.
    var includesHost: Bool { filter.includesHost }

    func includes(_ container: Container) -> Bool { filter.admits(container) }

    /// A container is known, or known better.
    /// - Returns: Whether it was not wanted before and is now.
    @discardableResult
    func judge(_ container: Container) -> Bool {
        guard let cgroup = container.cgroupPath else { return false }
        let verdict = filter.admits(container) ? Verdict.wanted : .unwanted
        let known = verdicts.withLock { verdicts in
            defer { verdicts[cgroup] = verdict }
            return verdicts[cgroup]
        }
        return known == .unwanted && verdict == .wanted
    }

    func expect(cgroup path: String) {
        verdicts.withLock { $0[path] = .pending }
    }

    func forget(cgroup path: String) {
        verdicts.withLock { $0[path] = nil }
    }

    var count: Int { verdicts.withLock(\.count) }

    func keep(where isKnown: (String) -> Bool) {
        verdicts.withLock { verdicts in verdicts = verdicts.filter { isKnown($0.key) } }
    }

    /// Whether one of these processes is wanted, or may be. Reads of /proc: not for the event loop.
    func includes(anyOf users: [ProcessScan.User]) -> Bool {
        users.count > Self.mostAsked || users.contains { includes($0.pid) }
    }

    private func includes(_ pid: Int32) -> Bool {
        // It has ended: its file can be opened no more but as the host sees it.
        guard let paths = try? CgroupMembership(pid: pid).paths else { return includesHost }
        // It is outside of what can be seen from here.
        guard !paths.contains(where: { $0.hasPrefix("/..") }) else { return true }
        switch verdicts.withLock({ Self.verdict(on: paths, $0) }) {
        case .wanted, .pending: return true
        case .unwanted: return false
        case nil: break
        }
        // The report of a control group may be on its way. A user without rights on control groups starts containers that
        // have none of their own, but a view of the file system.
        return includesHost || paths.contains { CgroupPath.containerID(in: $0) != nil }
            || ProcessRecord.mountNamespace(of: pid) != ProcessRecord.hostMountNamespace
    }

    /// As `includes`, but in doubt not: what is about to be a container's is nobody's.
    func isKnownToInclude(_ pid: Int32) -> Bool {
        guard let paths = try? CgroupMembership(pid: pid).paths,
            let verdict = verdicts.withLock({ Self.verdict(on: paths, $0) })
        else { return includesHost }
        return verdict == .wanted
    }

    /// That of the first path that has one: a container may have its control group in some hierarchies only.
    private static func verdict(on paths: [String], _ verdicts: [String: Verdict]) -> Verdict? {
        for path in paths {
            if let verdict = verdict(on: path, verdicts) { return verdict }
        }
        return nil
    }

    /// That of the outermost container, as in `ContainerDirectory`.
    private static func verdict(on path: String, _ verdicts: [String: Verdict]) -> Verdict? {
        var expected: Verdict?
        var end = path.startIndex
        var levels = 0
        while end < path.endIndex, levels < CgroupOwnership.mostLevels {
            levels += 1
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            switch verdicts[String(path[..<end])] {
            case .pending: expected = .pending
            case let verdict?: return verdict
            case nil: break
            }
        }
        return expected
    }
}

extension SessionOptions.ContainerFilter {
    /// The verdict on a container's control group.
    func admits(_ container: Container) -> Bool {
        // What a user calls like a container's cgroup may hold processes of the host.
        isWanted(container) || (container.uid != nil && includesHost)
    }
}
