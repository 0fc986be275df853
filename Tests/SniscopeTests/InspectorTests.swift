import Foundation
import Testing

extension EndToEnd {
    @Suite("The process that looks into files", .serialized, .asRoot, .having("cc", "openssl", "ps", "dockerd"))
    struct Inspector {
        @Test("has no rights")
        func confined() async throws {
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let inspector = try #require(try children(of: tracer.program.worker()).first)
            for field in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                #expect(try status(of: inspector, field) == "0000000000000000")
            }
            #expect(try status(of: inspector, "NoNewPrivs") == "1")
            // SECCOMP_MODE_FILTER
            #expect(try status(of: inspector, "Seccomp") == "2")
            #expect(try status(of: inspector, "Uid") == "65534")
            #expect(try status(of: inspector, "Gid") == "65534")
            #expect(try status(of: inspector, "Groups") == "")
        }

        @Test("reads root's own files too: nothing is found without it")
        func alone() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libfoo.so")
            let program = try await Caller.compile(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let inspectors = try children(of: tracer.program.worker())
            for inspector in inspectors { kill(inspector, SIGSTOP) }
            defer { for inspector in inspectors { kill(inspector, SIGCONT) } }
            let caller = try await Caller(program, library: library)
            defer { caller.stop() }
            // The job is at it, and hears nothing.
            try await tracer.notice(containing: "cannot read \(library): its file system, or a process that maps it")
            let early = uniqueName("early")
            try await caller.tell("name \(early)")
            #expect(!tracer.program.errors.contains("probed \(library)"), "\(tracer.program.account)")
            for inspector in inspectors { kill(inspector, SIGCONT) }
            try await tracer.notice(containing: "probed \(library)")
            let name = uniqueName("late")
            try await caller.tell("name \(name)")
            try await tracer.event(named: name)
            #expect(try tracer.events(named: early).isEmpty)
        }

        @Test("is replaced when it crashes, and nothing is lost")
        func replaced() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let first = try children(of: tracer.program.worker())
            for number in 0..<4 {
                for inspector in try children(of: tracer.program.worker()) { kill(inspector, SIGILL) }
                let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libfoo\(number).so")
                let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
                defer { caller.stop() }
                let name = uniqueName("replaced")
                try await wait("an event named \(name)", tracer.program) {
                    try await caller.tell("name \(name)")
                    return try !tracer.events(named: name).isEmpty
                }
            }
            try await wait("another inspector") {
                try children(of: tracer.program.worker()).allSatisfy { !first.contains($0) }
            }
        }

        @Test("a file that makes it crash is left out, by name, and the trace goes on")
        func crashing() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            // Half a second's work.
            let large = try workspace.copy("/usr/sbin/dockerd", as: "large")
            let tracer = try await Tracer("--cache-dir", "none")
            defer { tracer.stop() }
            let program = try Program([large, "--config-file", "/nonexistent"])
            defer { program.stop() }
            // First the one that all files share, then that of this file alone; they may be at another file just then.
            try await wait("the file's name", tracer.program) {
                for inspector in try children(of: tracer.program.worker()) where isBusy(inspector) {
                    kill(inspector, SIGILL)
                }
                return tracer.program.errors.contains(
                    "large: the process that looked into it ended (signal 4), two times")
            }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libfoo.so")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let name = uniqueName("crashing")
            try await wait("an event named \(name)", tracer.program) {
                try await caller.tell("name \(name)")
                return try !tracer.events(named: name).isEmpty
            }
        }

        /// Whether one of its threads computes just now.
        private func isBusy(_ inspector: Int32) -> Bool {
            let tasks = "/proc/\(inspector)/task"
            return ((try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []).contains { task in
                let stat = (try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)) ?? ""
                return stat.contains("(inspect) R")
            }
        }

        private func status(of pid: Int32, _ field: String) throws -> String {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") } ?? ""
            return line.dropFirst(field.count + 1).split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        }
    }
}
