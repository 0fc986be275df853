internal import OS

/// Which processes are the host's own: any process is free to call itself like a daemon.
extension ProcessRecord {
    /// Whether a process is root's, in the user namespace of the host, and was not given root's rights by a program that
    /// any user may start: who starts that one chooses its name and its arguments.
    public static func isRootOfHost(_ pid: Int32) -> Bool {
        guard let status = try? Files.read("/proc/\(pid)/status") else { return false }
        // Real, effective and saved.
        let ids = numbers(after: "Uid:", in: status).prefix(3)
        guard !ids.isEmpty, ids.allSatisfy({ $0 == 0 }) else { return false }
        return isHost("user", pid) && !isSetUserID(pid)
    }

    public static func isInHostMountNamespace(_ pid: Int32) -> Bool { isHost("mnt", pid) }

    /// Whether a process has the root folder of the host. One in a container has another one, also where it shares the
    /// host's mount namespace.
    public static func seesHostRoot(_ pid: Int32) -> Bool {
        guard let host = hostRoot else { return true }
        do throws(SystemError) {
            let root = try FileStatus(path: "/proc/\(pid)/root")
            return root.device == host.device && root.inode == host.inode
        } catch {
            return error.isNotPermitted && !Host.isRoot
        }
    }

    private static let hostRoot = [1, 2, Int32(Host.pid)].lazy.compactMap { try? FileStatus(path: "/proc/\($0)/root") }
        .first

    /// Whether it is in the host's namespace of a kind. Without the right to look, this process has no rights that could
    /// be misused.
    private static func isHost(_ kind: String, _ pid: Int32) -> Bool {
        func link(_ pid: Int32) -> String? { try? Files.linkTarget("/proc/\(pid)/ns/\(kind)") }
        guard let host = [1, 2, Int32(Host.pid)].lazy.compactMap(link).first else { return false }
        do throws(SystemError) {
            return try Files.linkTarget("/proc/\(pid)/ns/\(kind)") == host
        } catch {
            return error.isNotPermitted && !Host.isRoot
        }
    }

    /// Whether the kernel gave it more rights when it was executed: AT_SECURE of its auxiliary vector, getauxval(3).
    private static func isSetUserID(_ pid: Int32) -> Bool {
        guard let vector = try? Files.read("/proc/\(pid)/auxv") else { return Host.isRoot }
        let secure: UInt64 = 23
        let words = stride(from: 0, to: vector.count - vector.count % 8, by: 8).map { offset in
            vector[offset..<(offset + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        for index in stride(from: 0, to: words.count - 1, by: 2) where words[index] == secure {
            return words[index + 1] != 0
        }
        return false
    }
}
