import Foundation
import Testing

/// Programs of this host that tests call.
enum HostTools {
    struct Failure: Error {
        let command: [String]
        let status: Int32
    }

    static func has(_ names: String...) -> Bool {
        names.allSatisfy { name in
            ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
            }
        }
    }

    /// Starts a program whose output nobody reads.
    ///
    /// Not Foundation's `Process`: that one takes a program for running while a child of it is.
    /// - Returns: Its pid.
    static func start(_ command: [String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [Int32(0), 1, 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        let arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, command[0], &actions, nil, arguments, environ)
        guard code == 0 else { throw Failure(command: command, status: code) }
        return pid
    }

    /// Runs a program to its end.
    /// - Throws: `Failure` where it ends with another status than 0.
    static func run(_ command: String...) throws {
        try run(command)
    }

    static func run(_ command: [String]) throws {
        let status = wait(for: try start(command))
        guard status == 0 else { throw Failure(command: command, status: status) }
    }

    @discardableResult
    static func wait(for pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    static func stop(_ pid: pid_t) {
        kill(pid, SIGKILL)
        wait(for: pid)
    }

    /// Returns what `probe` gives once that is something.
    static func poll<Value>(_ what: String, until probe: () throws -> Value?) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            if let value = try probe() { return value }
            try #require(ContinuousClock.now < deadline, "waited in vain for \(what)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// A folder with an OCI bundle, and with a root folder that holds busybox; gone with `remove`.
struct TestBundle {
    let path: String

    /// - Parameter cgroupsPath: nil: the runtime names the cgroup.
    init(_ name: String, cgroupsPath: String? = nil) throws {
        path = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path + "/" + name
        for folder in ["bin", "proc", "dev", "usr", "etc"] {
            try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: root + "/bin/busybox")
        try FileManager.default.createSymbolicLink(atPath: root + "/bin/sleep", withDestinationPath: "busybox")
        try Data().write(to: URL(filePath: root + "/etc/os-release"))
        let cgroups = cgroupsPath.map { #","cgroupsPath":"\#($0)""# } ?? ""
        let config = #"""
            {"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/sleep","600"],"env":["PATH=/bin"],
            "cwd":"/"},"root":{"path":"rootfs"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"},
            {"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["mode=755"]}],
            "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"}]\#(cgroups)}}
            """#
        try Data(config.utf8).write(to: URL(filePath: path + "/config.json"))
    }

    var root: String { path + "/rootfs" }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// A name that no other test uses.
func uniqueName(_ prefix: String) -> String { "\(prefix)-\(UUID().uuidString.prefix(8).lowercased())" }
