internal import OS

extension CgroupTree {
    /// The processes in a cgroup and those below it, as this process's PID namespace numbers them; those outside it are
    /// left out, and cgroups that go meanwhile.
    public func processes(in path: String) -> [Int32] {
        let folder = mountPoint + path
        // A threaded cgroup has no list of processes.
        let text = (try? Files.read(folder + "/cgroup.procs", limit: 16 << 20)) ?? []
        let own = text.split(separator: UInt8(ascii: "\n")).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
        let below = (try? Files.subfolders(of: folder)) ?? []
        return own.filter { $0 > 0 } + below.flatMap { processes(in: path + "/" + $0.name) }
    }

    /// The process in a cgroup, or below it, that began first; nil where there is none.
    public func firstProcess(in path: String) -> Int32? {
        processes(in: path).compactMap { try? ProcessIdentity(pid: $0) }
            .min { ($0.startTime, $0.pid) < ($1.startTime, $1.pid) }?.pid
    }
}
