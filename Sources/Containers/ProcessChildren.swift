internal import OS
internal import Processes

/// Whose child each process is, at one moment.
struct ProcessChildren {
    private var children: [Int32: [Int32]] = [:]

    /// - Throws: when /proc can't be listed.
    init() throws(SystemError) {
        for pid in try Processes.all() {
            // One that ended meanwhile is nobody's child.
            guard let status = try? ProcessStatus(pid: pid) else { continue }
            children[status.parent, default: []].append(pid)
        }
    }

    /// The first process of the container that a monitor keeps: the child with a view of its own of the file system.
    func container(of monitor: Int32) -> Int32? {
        let own = ProcessRecord.mountNamespace(of: monitor)
        return children[monitor]?.first { child in
            ProcessRecord.mountNamespace(of: child).map { $0 != own } ?? false
        }
    }

    /// The container's own cgroup, where its path is one that this runtime gives.
    static func cgroup(of process: Int32, _ runtime: RuntimeName) -> String? {
        // A process that has ended has none.
        guard let paths = try? CgroupMembership(pid: process).paths else { return nil }
        return paths.lazy.compactMap(CgroupPath.containerID).first { $0.runtime == runtime }?.path
    }
}
