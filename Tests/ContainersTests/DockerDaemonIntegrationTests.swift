import Foundation
import OS
import Processes
import Synchronization
import Testing

@testable import Containers

private let socket = daemonSocket()
private let whyNot: Comment = "no Docker daemon answers at \(socket)"

@Suite("A real Docker daemon", .serialized, .enabled(whyNot) { await daemonAnswers() }, .timeLimit(.minutes(2)))
struct DockerDaemonIntegrationTests {
    @Test("a container from its creation to its end, as watcher, store, cgroup and bundle tell it")
    func lifetime() async throws {
        let image = try Docker.image()
        let changes = Changes()
        let watcher = Task { await DockerWatcher(client: DockerClient(socket: socket)) { changes.add($0) }.run() }
        defer { watcher.cancel() }
        try await changes.wait { $0 == .connected }

        let name = "sniscope-\(UUID().uuidString.prefix(8))"
        let id = try Docker.run("create", "--name", name, "--network", "host", image)
        defer { _ = try? Docker.run("rm", "-f", id) }
        try await changes.wait { $0 == .appeared(Container(runtime: .docker, id: id, name: name, imageName: image)) }
        let root = try await DockerClient(socket: socket).dataRoot()
        let processes = try RuntimeProcess.running()
        let daemon = try #require(
            DockerDaemon.among(processes).first { $0.dataRoot == root && $0.pid != nil })
        let runtime = DockerRuntime(daemons: [daemon])
        let clue = ContainerClue(id: id, cgroupPath: nil)
        #expect(try runtime.container(clue) == Container(runtime: .docker, id: id, name: name, imageName: image))

        _ = try Docker.run("start", id)
        try await changes.wait { $0 == .started(id: id) }
        let running = try #require(try runtime.container(clue))
        let pid = try #require(running.initPid)
        #expect(try ProcessRecord(pid: pid).arguments == ["/bin/sleep", "600"])
        #expect(runtime.containers().containers.contains(running))
        #expect(try await DockerClient(socket: socket).list().contains { $0.id == id && $0.name == name })

        var snapshot = ContainerSnapshot(ContainerRuntimes(runtimes: [runtime]))
        let found = snapshot.container(ofProcess: pid)
        let seen = try #require(found)
        #expect(seen.id == id && seen.cgroupPath?.hasSuffix("/docker/\(id)") == true)
        #expect(try #require(seen.startedAt) > Clock.realtime - 60_000_000_000)
        #expect(snapshot.containers.contains(seen))
        let own = snapshot.container(ofProcess: getpid())
        #expect(own == nil)
        #expect(daemon.sockets.contains(socket))
        let bundle = try OCIBundle(path: try #require(daemon.bundlePath(ofContainer: id)))
        #expect(bundle.arguments == ["/bin/sleep", "600"])
        #expect(try FileStatus(path: bundle.rootPath + "/bin/busybox").isRegular)
        let program = try #require(try ProcessScan.files(ofProcess: pid).first { $0.path == "/bin/busybox" })
        #expect(try ProcessFile.open(pid: pid, program).status.size == FileStatus(path: "/bin/busybox").size)
        #expect(try ProcessFile.open(pid: pid, path: "/bin/sleep").status.size == FileStatus(path: "/bin/busybox").size)

        _ = try Docker.run("rename", id, name + "-new")
        try await changes.wait { $0 == .renamed(id: id, name: name + "-new") }
        #expect(try runtime.container(clue)?.name == name + "-new")
        _ = try Docker.run("rm", "-f", id)
        try await changes.wait { $0 == .stopped(id: id) }
        try await changes.wait { $0 == .removed(id: id) }
        #expect(try runtime.container(clue) == nil)
    }

    @Test("a watcher that is cancelled ends")
    func cancellation() async throws {
        let changes = Changes()
        let watcher = Task { await DockerWatcher(client: DockerClient(socket: socket)) { changes.add($0) }.run() }
        try await changes.wait { $0 == .connected }
        watcher.cancel()
        await watcher.value
    }
}

@Suite("Watching for a daemon that is not there")
struct DockerWatcherTests {
    @Test("its absence is told once, its arrival and its nonsense too", .timeLimit(.minutes(1)))
    func absence() async throws {
        let path = "/tmp/sniscope-\(UUID().uuidString.prefix(13)).sock"
        let changes = Changes()
        let watcher = Task { await DockerWatcher(client: DockerClient(socket: path)) { changes.add($0) }.run() }
        try await changes.wait { if case .disconnected(let error) = $0 { error.kind == .absent } else { false } }
        let daemon = try await FakeDaemon(answer: "nonsense\r\n", socket: path)
        try await changes.wait { if case .disconnected(let error) = $0 { error.kind == .nonsense } else { false } }
        watcher.cancel()
        await watcher.value
        #expect(changes.all.count == 2)
        await daemon.stop()
    }
}

/// What a watcher told.
private final class Changes: Sendable {
    private let changes = Mutex<[DockerChange]>([])

    var all: [DockerChange] { changes.withLock { $0 } }

    func add(_ change: DockerChange) {
        changes.withLock { $0.append(change) }
    }

    /// Returns when such a change has been told, now or before; throws after 30 seconds.
    func wait(_ condition: (DockerChange) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !all.contains(where: condition) {
            guard ContinuousClock.now < deadline else { throw Late(told: all) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    struct Late: Error {
        let told: [DockerChange]
    }
}

private func daemonSocket() -> String {
    let host = ProcessInfo.processInfo.environment["SNISCOPE_TEST_DOCKER_HOST"] ?? "unix:///var/run/docker.sock"
    return host.hasPrefix("unix://") ? String(host.dropFirst(7)) : host
}

private func daemonAnswers() async -> Bool {
    (try? await DockerClient(socket: socket).list()) != nil
}

/// Docker's own command.
private enum Docker {
    struct Failure: Error {
        let arguments: [String]
        let status: Int32
    }

    /// - Returns: The last line it wrote.
    @discardableResult
    static func run(_ arguments: String...) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["docker", "-H", "unix://" + socket] + arguments
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(arguments: arguments, status: process.terminationStatus)
        }
        return text.split(separator: "\n").last.map(String.init) ?? ""
    }

    /// An image that sleeps, made of the host's static busybox.
    static func image() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let programs = folder.appending(path: "root/bin")
        try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: programs.path + "/busybox")
        try FileManager.default.createSymbolicLink(atPath: programs.path + "/sleep", withDestinationPath: "busybox")
        let archive = folder.path + "/root.tar"
        let tar = try Process.run(
            URL(filePath: "/usr/bin/env"), arguments: ["tar", "-C", folder.path + "/root", "-cf", archive, "."])
        tar.waitUntilExit()
        let image = "sniscope-test-sleep:latest"
        try run("import", "-c", #"CMD ["/bin/sleep","600"]"#, archive, image)
        return image
    }
}
