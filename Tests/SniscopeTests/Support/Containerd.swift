import Foundation
import Testing

/// containerd's own command `ctr`, for one daemon.
struct Containerd {
    let socket: String

    /// The daemon that tests use.
    static let shared = Containerd(
        socket: ProcessInfo.processInfo.environment["SNISCOPE_TEST_CONTAINERD"] ?? "/run/containerd/containerd.sock")

    /// Of this host's files: wget, openssl, a shell, sleep. The sandboxes of pods are made of it as well.
    static let image = "sniscope.test/pause:1"

    /// - Parameter namespace: containerd's own, not Kubernetes'.
    /// - Returns: What it wrote.
    @discardableResult
    func callAsFunction(_ namespace: String, _ arguments: [String]) async throws -> String {
        let command = ["ctr", "--address", socket, "-n", namespace] + arguments
        let program = try await Program.run(command, seconds: 60)
        guard program.end == .exited(0) else {
            throw Problem("\(command.joined(separator: " ")): \(program.end as Any)\n\(program.account)")
        }
        return program.output.text
    }

    @discardableResult
    func callAsFunction(_ namespace: String, _ arguments: String...) async throws -> String {
        try await callAsFunction(namespace, arguments)
    }

    /// Whether its daemon answers.
    var answers: Bool {
        get async { (try? await Program.run("ctr", "--address", socket, "version").end) == .exited(0) }
    }

    /// Brings the image, as `docker save` writes one (moby, image/spec/spec.md).
    func loadImage(_ namespace: String, in workspace: Workspace) async throws {
        if try await self(namespace, "images", "list", "-q").contains(Self.image) { return }
        let script = """
            mkdir -p "$0/image"
            tar -C "$1" -cf "$0/image/layer.tar" .
            layer=$(sha256sum "$0/image/layer.tar" | cut -d' ' -f1)
            case $(uname -m) in x86_64) machine=amd64;; *) machine=arm64;; esac
            cat >"$0/image/config.json" <<END
            {"architecture":"$machine","os":"linux","config":{"Cmd":["/bin/sleep","600"]},
            "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
            END
            cat >"$0/image/manifest.json" <<END
            [{"Config":"config.json","RepoTags":["\(Self.image)"],"Layers":["layer.tar"]}]
            END
            tar -C "$0/image" -cf "$0/containerd.tar" manifest.json config.json layer.tar
            """
        try await Program.check("sh", "-ec", script, workspace.path, try await workspace.clientRoot())
        try await self(namespace, "images", "import", workspace.path + "/containerd.tar")
    }

    /// Starts a container; its command sleeps where none is given.
    func start(_ id: String, namespace: String, _ command: String...) async throws {
        try await self(namespace, ["run", "-d", "--net-host", Self.image, id] + command)
    }

    /// The host's id of a container's first process.
    func pid(_ id: String, namespace: String) async throws -> Int32 {
        let tasks = try await self(namespace, "tasks", "list").split(separator: "\n").map { $0.split(separator: " ") }
        let pid = tasks.first { $0.first == Substring(id) && $0.count > 1 }.flatMap { Int32($0[1]) }
        return try #require(pid, "\(id) does not run in the namespace \(namespace)")
    }

    /// A command that asks for a name: one that needs no file that could be written, since `--net-host` mounts this
    /// host's /etc/hosts, and a sandbox's root is read-only. ctr leaves the input open where it ends at once.
    static func question(_ name: String, port: Int) -> [String] {
        ["/bin/sh", "-c", "exec openssl s_client -connect 127.0.0.1:\(port) -servername \(name) </dev/null"]
    }

    /// Asks for a name in a container that runs; what comes of it does not matter.
    func ask(_ name: String, in id: String, namespace: String, port: Int) async throws {
        try await self(
            namespace, ["tasks", "exec", "--exec-id", "ask-\(UUID())", id] + Self.question(name, port: port))
    }

    func remove(_ ids: [String], namespace: String) async {
        for id in ids {
            _ = try? await self(namespace, "tasks", "delete", "--force", id)
            _ = try? await self(namespace, "containers", "delete", id)
        }
    }
}
