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

    @Test("A process that has ended and was not waited for has none")
    func ended() throws {
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
        defer { free(arguments[0]) }
        #expect(posix_spawn(&pid, "/bin/true", nil, nil, &arguments, nil) == 0)
        while try ProcessStatus(pid: pid).state != "Z" { usleep(1000) }
        #expect(try String(contentsOfFile: "/proc/\(pid)/syscall", encoding: .utf8).hasPrefix("-1 "))
        #expect(HeldMemory.faulting([pid]).isEmpty)
        waitpid(pid, nil, 0)
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
