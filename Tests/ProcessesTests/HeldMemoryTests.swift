import Foundation
import Testing

@testable import Processes

@Suite("Page faults that do not end", .timeLimit(.minutes(1)))
struct HeldMemoryTests {
    @Test("A process that was stopped in the middle of its code has none")
    func stopped() async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "while :; do :; done"]
        try process.run()
        defer { kill(process.processIdentifier, SIGKILL) }
        let pid = process.processIdentifier
        // At first it is in the system calls of its start.
        var place = ""
        while !place.hasPrefix("-1 ") {
            kill(pid, SIGCONT)
            usleep(1000)
            kill(pid, SIGSTOP)
            while try ProcessStatus(pid: pid).state != "T" { usleep(1000) }
            place = try String(contentsOfFile: "/proc/\(pid)/syscall", encoding: .utf8)
        }
        #expect(HeldMemory.faulting([pid]).isEmpty)
        kill(pid, SIGCONT)
    }

    @Test("Processes that answer are known to nobody as held")
    func answering() throws {
        let held = HeldProcesses(first: 0) { _ in 0 }
        let own = getpid()
        #expect(!held.isHeld(own, within: 10_000))
        held.note([own])
        while held.contains(own) { usleep(1000) }
        #expect(held.all.isEmpty)
    }
}
