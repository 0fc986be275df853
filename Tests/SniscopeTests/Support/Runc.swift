import Foundation

/// An OCI bundle made of this host's own files, without an image or a daemon: busybox and what a test adds.
struct RuncBundle {
    let path: String

    /// The container's root folder.
    var root: String { path + "/rootfs" }

    /// - Parameters:
    ///   - path: A folder that is made for it, and that whoever makes it removes.
    ///   - arguments: The program and its arguments, as the container sees them.
    ///   - cgroupsPath: Of the container's cgroup; nil: named after the container, below runc's own.
    ///   - shared: Folders that it has in common with the host.
    ///   - isPrivileged: Whether it may do what root may.
    init(
        at path: String, arguments: [String], cgroupsPath: String? = nil, shared: [String] = [],
        isPrivileged: Bool = false
    ) throws {
        self.path = path
        for folder in ["bin", "proc", "dev", "tmp", "run"] {
            try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: root + "/bin/busybox")
        for name in ["sh", "sleep", "cat"] {
            try FileManager.default.createSymbolicLink(atPath: "\(root)/bin/\(name)", withDestinationPath: "busybox")
        }
        let capabilities = isPrivileged ? try Self.ownCapabilities() : []
        let kinds = ["bounding", "effective", "permitted"]
        var mounts: [[String: Any]] = [
            ["destination": "/proc", "type": "proc", "source": "proc"],
            ["destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]],
            ["destination": "/run", "type": "tmpfs", "source": "tmpfs"],
        ]
        for folder in shared {
            mounts.append(["destination": folder, "type": "bind", "source": folder, "options": ["rbind"]])
        }
        var linux: [String: Any] = ["namespaces": ["pid", "mount", "ipc", "uts"].map { ["type": $0] }]
        if let cgroupsPath { linux["cgroupsPath"] = cgroupsPath }
        if isPrivileged { linux["resources"] = ["devices": [["allow": true, "access": "rwm"]]] }
        let config: [String: Any] = [
            "ociVersion": "1.0.2",
            "process": [
                "user": ["uid": 0, "gid": 0], "args": arguments, "env": ["PATH=/bin:/usr/sbin:/usr/bin"], "cwd": "/",
                "capabilities": Dictionary(uniqueKeysWithValues: kinds.map { ($0, capabilities) }),
            ],
            "root": ["path": "rootfs"], "mounts": mounts, "linux": linux,
        ]
        try JSONSerialization.data(withJSONObject: config).write(to: URL(filePath: path + "/config.json"))
    }

    /// Copies files of the host, and the libraries that they need, to the same places in the container: inodes of its
    /// own, which nobody has mapped yet.
    func add(_ files: String...) async throws {
        let script = #"""
            for file in "$@"; do
                for needed in "$file" $(ldd "$file" 2>&1 | grep -o '/[^ :]*'); do cp -L --parents "$needed" "$0"; done
            done
            """#
        try await Program.check(["sh", "-ec", script, root] + files)
    }

    /// runc refuses to give what it has not got.
    private static func ownCapabilities() throws -> [String] {
        let names = [
            "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
            "NET_BIND_SERVICE", "NET_ADMIN", "NET_RAW", "SYS_CHROOT", "SYS_PTRACE", "SYS_ADMIN", "MKNOD", "SETFCAP",
        ]
        let numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 18, 19, 21, 27, 31]
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let effective = line.flatMap { UInt64($0.dropFirst(7).drop { $0 == "\t" }, radix: 16) } ?? 0
        return zip(names, numbers).filter { effective >> $1 & 1 == 1 }.map { "CAP_" + $0.0 }
    }
}

/// A container that runc keeps for a test.
struct RuncContainer {
    let id: String
    let bundle: RuncBundle

    /// What runs it in the foreground, with the caller's own input and output.
    var runCommand: [String] { ["runc", "run", "--bundle", bundle.path, id] }

    /// What runs another program in it, in the foreground.
    func execCommand(_ arguments: String...) -> [String] { ["runc", "exec", id] + arguments }

    /// Starts it in the background; its program runs when this returns.
    func start() async throws {
        // The container would hold a pipe of this process's open.
        try await Program.check(
            "sh", "-c", #"exec "$@" </dev/null >/dev/null 2>&1"#, "sh", "runc", "run", "--detach", "--bundle",
            bundle.path, id)
    }

    /// The first process, as the host sees it.
    var pid: Int32 {
        get async throws {
            struct State: Decodable { let pid: Int32 }
            let text = try await Program.check("runc", "state", id)
            return try JSONDecoder().decode(State.self, from: Data(text.utf8)).pid
        }
    }

    /// Ends it, if it runs, and removes it with its cgroup.
    func delete() async {
        _ = try? await Program.run("runc", "delete", "--force", id)
    }
}
