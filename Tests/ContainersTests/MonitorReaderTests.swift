import Foundation
import OS
import Processes
import Testing

@testable import Containers

@Suite("Whose mount namespaces are, asked for in numbers")
struct MonitorReaderTests {
    @Test("users can't take root's thread, and none takes another's place with more than one number")
    func shares() {
        var tasks = UserTasks<Int>()
        for user in 1...UInt32(UserTasks<Int>.mostUsers) { #expect(tasks.add(0, of: user) == .needsThread) }
        #expect(tasks.add(0, of: 1) == .taken && tasks.add(0, of: 1000) == .refused)
        #expect(tasks.add(0, of: 0) == .needsThread && tasks.add(0, of: 0) == .taken)
        #expect(tasks.add(0, of: UserTasks<Int>.nobody) == .needsThread)
        for _ in 2..<UserTasks<Int>.mostOfUser { #expect(tasks.add(0, of: 1) == .taken) }
        #expect(tasks.add(0, of: 1) == .refused && tasks.take(of: 1).count == UserTasks<Int>.mostOfUser)
        #expect(tasks.add(0, of: 1) == .taken)
        tasks.remove(1)
        #expect(tasks.add(0, of: 1000) == .needsThread)

        let slice = "/user.slice/user-1000.slice/user@1000.service/app.slice"
        #expect([100_000, 1000, 165_535].map { MonitorReader.payer(inCgroups: [slice], $0) } == [1000, 1000, 1000])
        #expect(MonitorReader.payer(inCgroups: ["/", slice], 100_000) == 1000)
        #expect(MonitorReader.payer(inCgroups: [slice], 0) == 0)
        #expect(MonitorReader.payer(inCgroups: ["/system.slice/x.service"], 7) == 7)
        #expect(MonitorReader.payer(inCgroups: ["/user.slice/user-0.slice/session-1.scope"], 7) == 7)
    }

    @Test("a process above many is read once")
    func ancestors() throws {
        let children = try (0..<8).map { _ in
            let child = Process()
            child.executableURL = URL(filePath: "/bin/sleep")
            child.arguments = ["60"]
            try child.run()
            return child
        }
        defer { for child in children { kill(child.processIdentifier, SIGKILL) } }
        var ancestors = MonitorReader.Ancestors()
        _ = ancestors.monitor(above: Int32(Host.pid))
        let above = ancestors.reads
        for child in children { _ = ancestors.monitor(above: child.processIdentifier) }
        #expect(ancestors.reads == above + children.count)
    }

    @Test(
        "a thousand questions and another's are all answered, by a few threads",
        .enabled(if: getuid() == 0, "mount namespaces are made by root"))
    func batches() throws {
        // A namespace of its own, real, and no container's.
        let child = Process()
        child.executableURL = URL(filePath: "/usr/bin/unshare")
        child.arguments = ["-m", "sleep", "60"]
        try child.run()
        defer { kill(child.processIdentifier, SIGKILL) }
        let answers = BlockingQueue<UInt32>()
        let reader = try MonitorReader { report in
            if case .namespace(let namespace, nil) = report { answers.put(namespace) }
        }
        defer { reader.close() }
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
        for number in 1...UInt32(1000) { reader.identify(pid: child.processIdentifier, namespace: number) }
        reader.identify(pid: Int32(Host.pid), namespace: 1001)
        // At most what reading processes side by side takes.
        let most = threads + ProcessInfo.processInfo.activeProcessorCount + 16
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count <= most)
        var answered: Set<UInt32> = []
        while answered.count < 1001, let namespace = answers.take(within: 60_000) { answered.insert(namespace) }
        #expect(answered.count == 1001)
    }
}
