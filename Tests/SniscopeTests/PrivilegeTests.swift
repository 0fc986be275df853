import Foundation
import Testing

extension EndToEnd {
    @Suite("Privileges: what is enough, what is missing, what is dropped", .asRoot, .having("setpriv", "cc"))
    struct Privileges {
        /// CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH.
        private static let four = [39, 38, 19, 2]

        /// The command as a user without rights but these capabilities.
        private func unprivileged(_ capabilities: [Int], _ arguments: String...) -> [String] {
            let list = (["-all"] + capabilities.map { "+cap_\($0)" }).joined(separator: ",")
            return [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=\(list)",
                "--ambient-caps=\(list)", Sniscope.path,
            ] + arguments
        }

        @Test("four capabilities trace, also a library that nobody had mapped before")
        func enough() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let copy = workspace.path + "/libssl.so.3"
            try await Program.check("cp", try await libraryPath("libssl.so.3"), copy)
            let tracer = try await Tracer(
                "--cache-dir", "none", command: unprivileged(Self.four, "trace"))
            defer { tracer.stop() }
            let caller = try await Caller(path, library: copy)
            defer { caller.stop() }
            let name = uniqueName("capabilities")
            // The first call may come before the probe: the test is of what is reported at all.
            _ = try await wait("an event named \(name)", tracer.program) {
                try await caller.tell("name \(name)")
                return try tracer.events(named: name).first
            }
            try await tracer.finish()
        }

        @Test("perf uprobes need CAP_SYS_ADMIN; doctor agrees with trace", arguments: 0..<4)
        func missing(index: Int) async throws {
            let perf = try await Program.run(unprivileged(Self.four, "trace", "--attach", "perf", "-t", "1"))
            #expect(perf.end == .exited(77), "\(perf.account)")
            #expect(perf.errors.text.contains("CAP_SYS_ADMIN"))
            // Each of the four is needed.
            var capabilities = Self.four
            capabilities.remove(at: index)
            let trace = try await Program.run(unprivileged(capabilities, "trace", "-t", "1"))
            #expect(trace.end == .exited(77), "\(trace.account)")
            let doctor = try await Program.run(unprivileged(capabilities, "doctor"))
            #expect(doctor.end == .exited(1), "\(doctor.account)")
        }

        @Test("doctor is content with four capabilities and says what is lost")
        func doctor() async throws {
            let doctor = try await Program.run(unprivileged(Self.four, "doctor"))
            #expect(doctor.end == .exited(0), "\(doctor.account)")
            #expect(doctor.output.text.contains("CAP_CHECKPOINT_RESTORE"))
            #expect(
                doctor.output.contains(
                    "held while tracing: CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF"))
            let root = try await Sniscope.run("doctor")
            #expect(!root.output.contains("CAP_DAC_OVERRIDE") && !root.output.contains("CAP_KILL"))
        }

        @Test(
            "root's other capabilities are dropped, for all threads, and a library is probed all the same",
            arguments: ["multi", "perf"])
        func dropped(method: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let tracer = try await Tracer("--cache-dir", "none", "--attach", method)
            defer { tracer.stop() }
            // CAP_SYS_ADMIN, CAP_SYS_NICE and CAP_CHECKPOINT_RESTORE beside the four.
            let kept = (Self.four + [21, 23, 40]).reduce(UInt64(0)) { $0 | 1 << UInt64($1) }
            let worker = try tracer.program.worker()
            let processes = try [tracer.program.pid, worker] + children(of: worker)
            #expect(processes.count == 3, "its inspector has sets of its own")
            for process in processes {
                let tasks = "/proc/\(process)/task"
                for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                    let status = try String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8)
                    for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                        let held = try #require(UInt64(value(of: field, in: status), radix: 16))
                        #expect(held & ~kept == 0, "\(field) of \(task): \(String(held, radix: 16))")
                    }
                    #expect(value(of: "NoNewPrivs", in: status) == "1")
                }
            }
            let copy = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let caller = try await Caller(path, library: copy)
            defer { caller.stop() }
            let name = uniqueName("dropped")
            _ = try await wait("an event named \(name)", tracer.program) {
                try await caller.tell("name \(name)")
                return try tracer.events(named: name).first
            }
            try await tracer.finish()
        }

        private func value(of field: String, in status: String) -> String {
            let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") } ?? ""
            return line.dropFirst(field.count + 1).filter { !$0.isWhitespace }
        }

        @Test("what run starts keeps all of root's capabilities")
        func command() async throws {
            let program = try await Sniscope.run("run", "-q", "--", "grep", "CapEff", "/proc/self/status")
            let own = try await Program.run("grep", "CapEff", "/proc/self/status")
            #expect(program.end == .exited(0), "\(program.account)")
            #expect(program.output.text == own.output.text)
        }
    }
}
