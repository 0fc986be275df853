import Foundation
import Testing

@testable import Processes

@Suite("Page faults that do not end")
struct HeldMemoryTests {
    @Test("A process that was stopped in the middle of its code has none", .timeLimit(.minutes(1)))
    func stopped() async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "while :; do :; done"]
        try process.run()
        defer { kill(process.processIdentifier, SIGKILL) }
        let pid = process.processIdentifier
        kill(pid, SIGSTOP)
        while try ProcessStatus(pid: pid).state != "T" { usleep(1000) }
        #expect(try String(contentsOfFile: "/proc/\(pid)/syscall", encoding: .utf8).hasPrefix("-1 "))
        #expect(HeldMemory.faulting([pid]).isEmpty)
        kill(pid, SIGCONT)
    }

    @Test("Processes that answer are known to nobody as held")
    func answering() throws {
        let held = HeldProcesses(first: 0) { _ in 0 }
        let own = getpid()
        let file = try #require(try ProcessScan.files(ofProcess: own).first)
        #expect(held.unanswering([ProcessScan.User(pid: own, range: file.range)], within: 1000).isEmpty)
        held.note([own])
        while held.contains(own) { usleep(1000) }
        #expect(held.all.isEmpty)
    }
}
