import Foundation
import Testing

extension EndToEnd {
    @Suite("The end of a trace, and much at once", .asRoot, .having("cc"))
    struct Lifetime {
        @Test("a target that holds up the reading of its memory holds up neither summary nor terminal")
        func unansweredMemory() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            // Of its own, lest every program of the host that uses the library is held up.
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let caller = try await Caller(path, library: library)
            defer { caller.stop() }
            let target = try await Caller(path, library: library)
            defer { target.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let programs = try bpfPrograms(of: tracer.program.worker())
            let name = uniqueName("beside")
            try target.program.say("withheld x")
            try await wait("the call", target.program) { target.program.output.contains("held") }
            // Others are traced meanwhile.
            try await caller.tell("name \(name)")
            try await tracer.event(named: name)

            let start = ContinuousClock.now
            tracer.program.signal(SIGINT)
            try await wait("the summary", seconds: 1, tracer.program) {
                tracer.program.errors.contains("1 server name, 0 lost")
            }
            // Whoever reads from it sees the end, too.
            #expect(try await tracer.program.waitForEnd(seconds: 5) == .exited(0))
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(tracer.program.errors.contains("process \(target.pid)"), "\(tracer.program.account)")

            target.stop()
            _ = try await target.program.waitForEnd()
            try await waitUntilGone(programs)
        }

        @Test("a library that nobody maps any more is released, and probed anew when it is mapped again")
        func released() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            try await tracer.complete()
            let before = try links(of: tracer.program.worker())
            let original = try await libraryPath("libssl.so.3")
            let libraries = try (1...4).map { try workspace.copy(original, as: "libssl-\($0).so") }
            var callers: [Caller] = []
            defer { for caller in callers { caller.stop() } }
            for library in libraries { callers.append(try await Caller(path, library: library)) }
            try await wait("the probes", tracer.program) { try links(of: tracer.program.worker()) >= before + 4 }
            // A forked child maps what its parent mapped, which no event tells.
            try await callers[0].tell("sleeper")
            for caller in callers { caller.stop() }
            try await wait("the release of three", tracer.program) {
                try links(of: tracer.program.worker()) == before + 1
            }
            let child = try #require(
                callers[0].program.output.all.lazy.compactMap { line in
                    line.hasPrefix("child ") ? Int32(line.dropFirst(6)) : nil
                }.first)
            kill(child, SIGKILL)
            try await wait("the release of all", tracer.program) { try links(of: tracer.program.worker()) == before }

            let again = try await Caller(path, library: libraries[1])
            defer { again.stop() }
            try await wait("a new probe", tracer.program) { try links(of: tracer.program.worker()) == before + 1 }
            let name = uniqueName("again")
            try await again.tell("name \(name)")
            #expect(try await tracer.onlyEvent(named: name).library.path == libraries[1])
        }

        @Test("a probe that a traced process holds while it is released keeps nobody waiting")
        func releaseHeld() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let (held, other) = (
                try workspace.copy(try await libraryPath("libssl.so.3"), as: "held.so"),
                try workspace.copy(try await libraryPath("libssl.so.3"), as: "other.so")
            )
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            try await tracer.complete()
            let before = try links(of: tracer.program.worker())
            let holder = try await Caller(path, library: held)
            defer { holder.stop() }
            try await tracer.notice(containing: "probed \(held)")
            try holder.program.say("withheld x")
            try await wait("the call", holder.program) { holder.program.output.contains("held") }
            // Others come, are traced, and go.
            let caller = try await Caller(path, library: other)
            defer { caller.stop() }
            try await tracer.notice(containing: "probed \(other)")
            let name = uniqueName("other")
            try await caller.tell("name \(name)")
            try await tracer.event(named: name)
            caller.stop()
            try await wait("the release of the other one", tracer.program) {
                try links(of: tracer.program.worker()) == before + 1
            }
            holder.stop()
            try await wait("the release of the held one", tracer.program) {
                try links(of: tracer.program.worker()) == before
            }
            try await tracer.finish()
        }

        /// Linux 6.13 gave uprobe programs a stack for each processor, which a waiting one shares with all that come
        /// meanwhile, unless they say that they want their thread's.
        @Test("a call that waits for its memory, and others on its processor meanwhile, are told apart")
        func sharedProcessor() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let original = try await libraryPath("libssl.so.3")
            let libraries = try ["waiting.so", "other.so"].map { try workspace.copy(original, as: $0) }
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            var callers: [Caller] = []
            defer { for caller in callers { caller.stop() } }
            for library in libraries {
                callers.append(try await Caller(command: ["taskset", "-c", "0", path], library: library))
                try await tracer.notice(containing: "probed \(library)")
            }
            let (waiting, other) = (callers[0], callers[1])
            let names = (waiting: uniqueName("waiting"), other: uniqueName("other"))
            try waiting.program.say("withheld \(names.waiting)")
            try await wait("the call", waiting.program) { waiting.program.output.contains("held") }
            for _ in 1...10 { try await other.tell("name \(names.other)") }
            other.stop()
            try await waiting.tell("serve")

            let events = try await tracer.finish()
            #expect(events.count { $0.name == names.other && $0.proc.pid == other.pid } == 10)
            let late = try #require(events.first { $0.name == names.waiting })
            #expect(late.library.path == libraries[0])
            #expect(late.proc.pid == waiting.pid)
            #expect(late.proc.exe == path)
            #expect(events.count == 11, "\(tracer.program.account)")
        }

        @Test("kill -9 leaves no probe behind", .having("bpftool"))
        func killed() async throws {
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let programs = try bpfPrograms(of: tracer.program.worker())
            #expect(!programs.isEmpty)
            let names = try await Program.run(["bpftool", "prog", "show", "id", programs[0]])
            #expect(names.end == .exited(0))
            tracer.program.signal(SIGKILL)
            #expect(try await tracer.program.waitForEnd() == .signaled(SIGKILL))
            try await waitUntilGone(programs)
        }

        @Test("20,000 names in one burst: captured and lost are all", arguments: ["json", "columns"])
        func burst(output: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let tracer = try await Tracer("--binary", library, "--no-header", output: output)
            defer { tracer.stop() }
            let name = uniqueName("burst")
            try await caller.tell("burst 20000 \(name)")
            tracer.program.signal(SIGINT)
            #expect(try await tracer.program.waitForEnd() == .exited(0))
            let shown = tracer.program.output.all.count { $0.contains(name) }
            let summary = try #require(tracer.program.errors.all.last { $0.contains(" lost") })
            let match = try #require(summary.firstMatch(of: /(\d+) server names, (\d+) lost/), "\(summary)")
            #expect((Int(match.1) ?? 0) + (Int(match.2) ?? 0) == 20_000, "\(summary)")
            #expect("\(shown)" == match.1)
        }

        /// The ids of the programs that a process has open.
        /// How many BPF links a process has.
        private func links(of pid: Int32) throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count { number in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(number)")
                return target == "anon_inode:bpf_link"
            }
        }

        private func bpfPrograms(of pid: Int32) throws -> [String] {
            let folder = "/proc/\(pid)/fdinfo"
            return try FileManager.default.contentsOfDirectory(atPath: folder).flatMap { entry in
                // A descriptor may be closed meanwhile.
                let text = (try? String(contentsOfFile: "\(folder)/\(entry)", encoding: .utf8)) ?? ""
                return text.split(separator: "\n").filter { $0.hasPrefix("prog_id:") }.map {
                    $0.dropFirst("prog_id:".count).trimmingCharacters(in: .whitespaces)
                }
            }
        }

        private func waitUntilGone(_ programs: [String]) async throws {
            guard Available.tools(["bpftool"]) else { return }
            try await wait("the end of the BPF programs \(programs)", seconds: 10) {
                for id in programs where try await Program.run("bpftool", "prog", "show", "id", id).end == .exited(0) {
                    return false
                }
                return true
            }
        }
    }
}
