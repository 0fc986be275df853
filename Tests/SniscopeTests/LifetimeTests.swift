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
            let programs = try bpfPrograms(of: tracer.program.pid)
            let name = uniqueName("beside")
            try target.program.say("unanswered")
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

        @Test("kill -9 leaves no probe behind", .having("bpftool"))
        func killed() async throws {
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let programs = try bpfPrograms(of: tracer.program.pid)
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
