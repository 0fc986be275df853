internal import OS

extension CgroupTree {
    /// The processes in a cgroup and those below it, as this process's PID namespace numbers them; those outside it are
    /// left out, and cgroups that go meanwhile. Of the cgroups a share is looked at, from the outermost: a container can
    /// make as many as it likes.
    public func processes(in path: String) -> [Int32] {
        var paths = [path]
        var processes: [Int32] = []
        var next = 0
        while next < paths.count {
            let folder = mountPoint + paths[next]
            // A threaded cgroup has no list of processes.
            let text = (try? Files.read(folder + "/cgroup.procs", limit: 16 << 20)) ?? []
            processes += text.split(separator: UInt8(ascii: "\n")).compactMap {
                Int32(String(decoding: $0, as: UTF8.self))
            }.filter { $0 > 0 }
            let below = (try? Files.subfolders(of: folder, limit: Self.mostLookedAt)) ?? []
            paths += below.prefix(Self.mostLookedAt - paths.count).map { paths[next] + "/" + $0.name }
            next += 1
        }
        return processes
    }

    private static let mostLookedAt = 1024

    /// The process in a cgroup, or below it, that began first; nil where there is none.
    public func firstProcess(in path: String) -> Int32? {
        processes(in: path).compactMap { try? ProcessIdentity(pid: $0) }
            .min { ($0.startTime, $0.pid) < ($1.startTime, $1.pid) }?.pid
    }
}
