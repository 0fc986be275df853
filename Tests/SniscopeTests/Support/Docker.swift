import Foundation
import Testing

/// Docker's own command, for one daemon.
struct Docker {
    let host: String

    /// The daemon that tests use.
    static let shared = Docker(
        host: ProcessInfo.processInfo.environment["SNISCOPE_TEST_DOCKER_HOST"] ?? "unix:///var/run/docker.sock")

    /// - Returns: What it wrote.
    @discardableResult
    func callAsFunction(_ arguments: String...) async throws -> String {
        try await callAsFunction(arguments)
    }

    @discardableResult
    func callAsFunction(_ arguments: [String]) async throws -> String {
        let program = try await Program.run(["docker", "-H", host] + arguments, seconds: 60)
        guard program.end == .exited(0) else {
            throw Problem("docker \(arguments.joined(separator: " ")): \(program.end as Any)\n\(program.account)")
        }
        return program.output.text
    }

    /// Whether its daemon answers.
    var answers: Bool {
        get async { (try? await Program.run("docker", "-H", host, "version").end) == .exited(0) }
    }

    /// An image with this host's wget, a shell and what they need.
    func image(in workspace: Workspace) async throws -> String {
        let image = "sniscope-test-wget:latest"
        if try await !self("images", "-q", image).isEmpty { return image }
        let archive = workspace.path + "/image.tar"
        try await Program.check("tar", "-C", try await workspace.clientRoot(), "-cf", archive, ".")
        try await self("import", "-c", #"CMD ["/bin/sleep","600"]"#, archive, image)
        return image
    }

    /// Starts a container that sleeps.
    func start(_ name: String, image: String, _ options: String...) async throws {
        try await self(["run", "-d", "--rm", "--network", "host", "--name", name] + options + [image])
    }

    /// Asks for a name in a container that runs; what comes of it does not matter.
    func ask(_ name: String, in container: String, port: Int) async throws {
        let script =
            "echo 127.0.0.1 \(name) >>/etc/hosts; "
            + "wget -qO /dev/null --no-check-certificate https://\(name):\(port)/"
        try await self("exec", container, "/bin/sh", "-c", script)
    }

    func remove(_ names: [String]) async {
        _ = try? await self(["rm", "-f"] + names)
    }
}

/// A Docker daemon of the test's own.
final class DockerDaemonProcess: Sendable {
    let docker: Docker
    private let folder: String
    private let program: Program

    /// Starts it and waits until it answers.
    init(in workspace: Workspace) async throws {
        folder = workspace.path
        docker = Docker(host: "unix://\(folder)/docker.sock")
        program = try Program([
            "dockerd", "--iptables=false", "--bridge=none", "--data-root", folder + "/data",
            "--exec-root", folder + "/exec", "-H", docker.host, "--pidfile", folder + "/docker.pid",
        ])
        do {
            try await wait("dockerd", seconds: 40, program) {
                if let end = program.end { throw Problem("dockerd ended: \(end)\n\(program.account)") }
                return await docker.answers
            }
        } catch {
            program.stop()
            throw error
        }
    }

    /// Ends it in order, with its containers, and what it mounted.
    func stop() async throws {
        program.signal(SIGTERM)
        _ = try await program.waitForEnd(seconds: 40)
        for line in try String(contentsOfFile: "/proc/mounts", encoding: .utf8).split(separator: "\n") {
            let mountPoint = line.split(separator: " ")[1]
            if mountPoint.hasPrefix(folder + "/") { _ = try await Program.run("umount", "-l", String(mountPoint)) }
        }
    }
}
