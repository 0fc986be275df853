import Foundation
import Testing

/// Podman with folders of its own, as root or as a user without rights: no container of the host is touched.
struct Podman {
    let folder: String
    /// nil: root.
    let user: User?

    /// A user that is there for one test.
    struct User {
        let name: String
        let uid: UInt32
        let gid: UInt32

        /// Makes one with numbers for the users of its containers.
        init() async throws {
            name = "sniscope-\(UUID().uuidString.prefix(6).lowercased())"
            try await Program.check("useradd", "--no-create-home", "--user-group", "--shell", "/bin/sh", name)
            let ids = try await Program.check("sh", "-c", "id -u \(name); id -g \(name)").split(separator: "\n")
            uid = try #require(ids.first.flatMap { UInt32($0) })
            gid = try #require(ids.last.flatMap { UInt32($0) })
            let first = 1_000_000 + Int(uid) * 65536
            try await Program.check(
                "sh", "-ec",
                "grep -q ^\(name): /etc/subuid || "
                    + "usermod --add-subuids \(first)-\(first + 65535) --add-subgids \(first)-\(first + 65535) \(name)")
        }

        func remove() async {
            _ = try? await Program.run("userdel", "--force", name)
        }
    }

    /// - Parameter workspace: Keeps all that it stores.
    init(in workspace: Workspace, user: User? = nil) async throws {
        folder = workspace.path + (user == nil ? "/podman" : "/podman-user")
        self.user = user
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Rights that these hosts' root has not: limits above its own. crun refuses hybrid control groups.
        try workspace.write(
            """
            [containers]
            default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
            [engine]
            cgroup_manager = "cgroupfs"
            runtime = "runc"
            events_logger = "file"
            """, to: "containers.conf")
        if let user { try await Program.check("chown", "\(user.uid):\(user.gid)", folder) }
    }

    /// - Returns: What it wrote.
    @discardableResult
    func callAsFunction(_ arguments: String...) async throws -> String {
        try await callAsFunction(arguments)
    }

    @discardableResult
    func callAsFunction(_ arguments: [String]) async throws -> String {
        let program = try await Program.run(command(arguments), seconds: 60)
        guard program.end == .exited(0) else {
            throw Problem("podman \(arguments.joined(separator: " ")): \(program.end as Any)\n\(program.account)")
        }
        return program.output.text
    }

    func command(_ arguments: [String]) -> [String] {
        let asUser = user.map { ["setpriv", "--reuid", "\($0.uid)", "--regid", "\($0.gid)", "--clear-groups"] } ?? []
        return asUser + [
            "env", "-C", folder, "HOME=\(folder)", "XDG_RUNTIME_DIR=\(folder)",
            "CONTAINERS_CONF=\(URL(filePath: folder).deletingLastPathComponent().path)/containers.conf",
            "podman", "--root", "\(folder)/root", "--runroot", "\(folder)/run", "--tmpdir", "\(folder)/tmp",
        ] + arguments
    }

    /// An image with this host's openssl, a shell and what they need.
    func image() async throws -> String {
        let script = """
            programs="$(command -v openssl) $(readlink -f $(command -v sh)) $(command -v sleep)"
            mkdir -p "$0/image/bin" "$0/image/etc" "$0/image/tmp"
            for program in $programs; do cp -L "$program" "$0/image/bin/"; done
            mv "$0/image/bin/$(basename $(readlink -f $(command -v sh)))" "$0/image/bin/sh"
            for library in $(ldd $programs | grep -o '/[^ :]*' | sort -u); do
                case $library in /bin/*|/usr/bin/*) continue;; esac
                mkdir -p "$0/image$(dirname $library)"
                cp -L "$library" "$0/image$library"
            done
            tar -C "$0/image" -cf "$0/image.tar" .
            chmod 644 "$0/image.tar"
            """
        try await Program.check("sh", "-ec", script, folder)
        let image = "localhost/sniscope-test:latest"
        try await self("import", "-c", #"CMD ["/bin/sleep","600"]"#, folder + "/image.tar", image)
        return image
    }

    /// Starts a container that sleeps.
    func start(_ name: String, image: String, _ options: String...) async throws {
        try await self(["run", "-d", "--network", "host", "--name", name] + options + [image])
    }

    /// What asks for a name, in a container.
    static func client(_ name: String, port: Int) -> [String] {
        ["/bin/openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", name]
    }

    /// Asks for a name in a container that runs; what comes of it does not matter.
    func ask(_ name: String, in container: String, port: Int) async throws {
        try await self(["exec", container] + Self.client(name, port: port))
    }

    /// Ends its containers, and what it keeps running and mounted for itself.
    func remove() async {
        _ = try? await self("pod", "rm", "--all", "--force", "--time", "0")
        _ = try? await self("rm", "--all", "--force", "--time", "0")
        if user != nil { _ = try? await self("system", "migrate") }
        _ = try? await Program.run("sh", "-c", "umount -l \(folder)/root/overlay 2>/dev/null")
    }
}

/// Gives `body` Podman with an image and a server's port.
func withPodman(
    asUser: Bool, _ body: (_ podman: Podman, _ image: String, _ port: Int) async throws -> Void
) async throws {
    let workspace = try Workspace()
    defer { workspace.remove() }
    let server = try await TLSServer(in: workspace)
    defer { server.stop() }
    let user = asUser ? try await Podman.User() : nil
    let result: Result<Void, any Error>
    do {
        let podman = try await Podman(in: workspace, user: user)
        do {
            result = .success(try await body(podman, try await podman.image(), server.port))
        } catch {
            result = .failure(error)
        }
        await podman.remove()
    } catch {
        result = .failure(error)
    }
    await user?.remove()
    try result.get()
}
