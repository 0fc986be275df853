import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Who gets breakpoints", .asRoot, .having("cc"))
    struct NarrowProbes {
        @Test("--pid: those processes alone, by each way to attach", arguments: ["multi", "perf"], [false, true])
        func process(method: String, byFile: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let library = try await OwnLibrary(in: workspace)
            let (first, second, other) = (
                try await Caller(program, library: library.path), try await Caller(program),
                try await Caller(program, library: library.path)
            )
            defer { for caller in [first, second, other] { caller.stop() } }
            let tracer = try await Tracer(
                options: library.options + ["-v", "--attach", method, "--pid", "\(first.pid),\(second.pid)"]
                    + (byFile ? ["--binary", library.path] : []))
            defer { tracer.stop() }
            if !byFile { try await tracer.notice(containing: "probed \(library.path)") }
            try await second.tell("load \(library.path)")
            for caller in [first, second] { #expect(try library.breakpoints(in: caller.pid) == 1) }
            #expect(try library.breakpoints(in: other.pid) == 0)
            let names = (0..<4).map { _ in uniqueName("narrow") }
            try await first.tell("name \(names[0])")
            try await first.tell("thread \(names[1])")
            try await second.tell("name \(names[2])")
            try await other.tell("name \(names[3])")
            let events = try await tracer.finish()
            #expect(events.map(\.name) == Array(names[0..<3]))
            #expect(events.map(\.proc.pid) == [first.pid, first.pid, second.pid])
            #expect(try library.breakpoints(in: first.pid) == 0)
        }

        @Test("--pid: a process that executes another program is traced there", arguments: ["multi", "perf"])
        func executed(method: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let library = try await OwnLibrary(in: workspace)
            let caller = try await Caller(program, library: library.path)
            defer { caller.stop() }
            let tracer = try await Tracer(
                options: library.options + ["-v", "--attach", method, "--pid", "\(caller.pid)"])
            defer { tracer.stop() }
            try await tracer.notice(containing: "probed \(library.path)")
            try await caller.tell("exec \(program)")
            try await caller.tell("load \(library.path)")
            let name = uniqueName("executed")
            try await caller.tell("name \(name)")
            #expect(try await tracer.onlyEvent(named: name).proc.pid == caller.pid)
        }

        @Test(
            "--pid: another process that interprets the library keeps it from nobody, and lives", .having("valgrind"),
            arguments: ["multi", "perf"])
        func interpreter(method: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let library = try await OwnLibrary(in: workspace)
            let traced = try await Caller(program, library: library.path)
            let before = try await Caller(command: ["valgrind", "-q", program], library: library.path)
            defer { for caller in [traced, before] { caller.stop() } }
            let tracer = try await Tracer(
                options: library.options + ["-v", "--attach", method, "--pid", "\(traced.pid)"])
            defer { tracer.stop() }
            try await tracer.notice(containing: "probed \(library.path)")
            let after = try await Caller(command: ["valgrind", "-q", program], library: library.path)
            defer { after.stop() }
            for caller in [before, after] { try await caller.tell("name \(uniqueName("interpreted"))") }
            let name = uniqueName("native")
            try await traced.tell("name \(name)")
            #expect(try await tracer.onlyEvent(named: name).proc.pid == traced.pid)
            #expect(!tracer.program.errors.contains("not traced"), "\(tracer.program.account)")
        }
    }
}
