import Containers
import Foundation
import OS
import Processes
import Testing

@testable import Tracing

@Suite("Which container a mount namespace belonged to when a call was made")
struct NamespaceWatchTests {
    private func container(_ pid: Int32) -> Container {
        Container(runtime: .podman, id: "\(pid)", name: "web", initPid: pid, mountNamespace: 4_026_532_000)
    }

    /// Starts a process, which is the container's first.
    private func start() throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sleep")
        process.arguments = ["60"]
        try process.run()
        return process
    }

    @Test("its own processes' while it runs; after its end that of its first process and of its children alone")
    func end() throws {
        let first = try start()
        var namespaces = NamespaceWatch()
        let container = container(first.processIdentifier)
        let identity = try ProcessIdentity(pid: first.processIdentifier)
        namespaces.watch(container, try HeldProcess(pid: first.processIdentifier))
        func caller(_ pid: Int32, parent: Int32 = 1, startedLater: UInt64 = 0, at time: Int64) -> NamespaceWatch.Caller
        {
            NamespaceWatch.Caller(
                process: ProcessIdentity(pid: pid, startTime: identity.startTime + startedLater), parent: parent,
                time: time)
        }
        func holds(_ caller: NamespaceWatch.Caller) -> Bool { namespaces.holds(container, caller) }
        let none: Int32 = 1 << 22
        #expect(holds(caller(none, startedLater: 1, at: Clock.monotonic)))
        let whileRunning = Clock.monotonic
        #expect(holds(caller(none, startedLater: 1, at: Clock.monotonic)))
        // One that is older than the container: the namespace was another before, and it has entered it later.
        let older = ProcessIdentity(pid: none, startTime: identity.startTime - 1)
        let start =
            Int64(identity.startTime) * 1_000_000_000 / Clock.ticksPerSecond - (Clock.boot - Clock.monotonic)
        #expect(!holds(NamespaceWatch.Caller(process: older, parent: 1, time: start - 1_000_000)))
        #expect(holds(NamespaceWatch.Caller(process: older, parent: 1, time: start + 1_000_000_000)))

        kill(first.processIdentifier, SIGKILL)
        first.waitUntilExit()
        let now = Clock.monotonic
        #expect(!holds(caller(none, startedLater: 1, at: now)))
        #expect(holds(caller(none, startedLater: 1, at: whileRunning)))
        #expect(holds(caller(identity.pid, at: now)))
        #expect(holds(caller(none, parent: identity.pid, startedLater: 1, at: now)))
        let ended = [namespaces.takeEnded(), namespaces.takeEnded()]
        #expect(ended == [[container.id], []])
    }

    @Test("one user's namespaces have a limit, which takes no room from others; each is asked for once")
    func limit() {
        var namespaces = NamespaceWatch()
        for number in 0..<UInt32(NamespaceWatch.mostOfUser) {
            #expect(namespaces.state(of: number, uid: 1000) == .unknown)
        }
        #expect(namespaces.state(of: 0, uid: 1000) == .asked)
        #expect(namespaces.state(of: 1_000_000, uid: 1000) == .refused)
        #expect(namespaces.state(of: 1_000_000, uid: 1001) == .unknown)
        namespaces.answer(0, isPlain: true)
        namespaces.answer(1, isPlain: false)
        #expect(namespaces.state(of: 0, uid: 1000) == .plain)
        #expect(namespaces.state(of: 1_000_001, uid: 1000) == .unknown)
        // One user may have many numbers; root has its own room.
        var uid: UInt32 = 100_000
        while namespaces.state(of: 2_000_000 + uid, uid: uid) == .unknown, uid < 200_000 { uid += 1 }
        #expect(uid < 200_000)
        for number in 0..<UInt32(NamespaceWatch.mostOfUser) {
            #expect(namespaces.state(of: 3_000_000 + number, uid: 0) == .unknown)
        }
        #expect(namespaces.state(of: 4_000_000, uid: 0) == .refused)
    }
}
