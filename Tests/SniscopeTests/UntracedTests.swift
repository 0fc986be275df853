import Foundation
import Testing

extension EndToEnd {
    @Suite("TLS that can't be traced is named", .asRoot, .having("cc"))
    struct Untraced {
        private static let hint = "; connections made before the trace began can't be seen"

        private static func clause(_ titles: String, files: Int = 1) -> String {
            "; TLS that can't be traced in \(files) file\(files == 1 ? "" : "s") (\(titles)): see `sniscope list`"
        }

        /// A program that has rustls in it, as far as its strings say; it runs until its input ends.
        private func compile(in workspace: Workspace, as name: String) async throws -> String {
            try await workspace.compile(
                """
                #include <stdio.h>
                int main(void) { puts("/rustls-0.23.1/src/client.rs"); fflush(stdout); return getchar() == 0; }
                """, as: name)
        }

        private func start(_ command: String...) async throws -> Program {
            let program = try Program(command, hasInput: true)
            try await wait("the program", program) { program.output.contains("rustls") }
            return program
        }

        /// Ends it.
        /// - Returns: What it said of all that it found at the start, and at its end.
        private func lines(of tracer: Tracer) async throws -> (tracing: String, closing: String) {
            try await tracer.complete()
            try await tracer.finish()
            let lines = tracer.program.errors.all
            return (
                try #require(lines.last { $0.hasPrefix("Tracing") }), try #require(lines.last { $0.contains(" lost") })
            )
        }

        @Test("of the processes that are wanted, for the reason that list shows")
        func wanted() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let paths = [
                try await compile(in: workspace, as: "untraced-a"), try await compile(in: workspace, as: "untraced-b"),
            ]
            let programs = [try await start(paths[0]), try await start(paths[1])]
            defer { for program in programs { program.stop() } }
            let pids = programs.map { String($0.pid) }
            for (options, titles, count) in [
                (["--pid", pids[0]], "rustls in untraced-a", 1), (["--comm", "untraced-b"], "rustls in untraced-b", 1),
                (["--comm", "untraced-?"], "rustls in untraced-a, rustls in untraced-b", 2),
                (["--comm", "untraced-*", "--pid", "!\(pids[0])"], "rustls in untraced-b", 1),
                (["--comm", "untraced-*", "--uid", "65533"], nil, 0),
                (["--comm", "untraced-*", "--scope", "containers"], nil, 0),
            ] {
                let tracer = try await Tracer(options: options)
                defer { tracer.stop() }
                let (tracing, closing) = try await lines(of: tracer)
                let clause = titles.map { Self.clause($0, files: count) } ?? ""
                // The order is that in which they were found.
                let other = titles.map {
                    Self.clause($0.components(separatedBy: ", ").reversed().joined(separator: ", "), files: count)
                }
                #expect(
                    tracing.hasSuffix(clause) || tracing.hasSuffix(other ?? clause), "\(options): \(tracing)")
                #expect(tracing.contains("can't be traced") == (titles != nil))
                #expect(
                    closing == "0 server names, 0 lost\(clause)\(Self.hint)"
                        || closing == "0 server names, 0 lost\(other ?? clause)\(Self.hint)", "\(options)")
            }
            let list = try await Sniscope.run(
                "list", "-o", "json", "--pid", pids.joined(separator: ","), "-F", "traced==false")
            #expect(
                list.output.all.count { $0.contains("rustls can't be traced: its functions have") } == 2,
                "\(list.account)")
            let quiet = try await Sniscope.run("trace", "-q", "--comm", "untraced-a", "--timeout", "0.2")
            #expect(quiet.end == .exited(0) && quiet.errors.all.isEmpty, "\(quiet.account)")
        }

        @Test("of a container, where that is wanted", .having("runc", "/bin/busybox"))
        func container() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await compile(in: workspace, as: "untraced-c")
            let id = uniqueName("untraced")
            let bundle = try RuncBundle(at: workspace.path + "/bundle", arguments: [program])
            try await bundle.add(program)
            let container = RuncContainer(id: id, bundle: bundle)
            let running = try Program(container.runCommand, hasInput: true)
            do {
                try await wait("the program", running) { running.output.contains("rustls") }
                for (options, isMeant) in [
                    (["-c", id], true), (["-c", "!\(id)", "--comm", "untraced-c"], false),
                    (["--scope", "host", "--comm", "untraced-c"], false),
                ] {
                    let tracer = try await Tracer(options: options)
                    defer { tracer.stop() }
                    let (tracing, closing) = try await lines(of: tracer)
                    let clause = isMeant ? Self.clause("rustls in untraced-c") : ""
                    #expect(tracing.hasSuffix(clause) && tracing.contains("can't be traced") == isMeant, "\(tracing)")
                    #expect(closing == "0 server names, 0 lost\(clause)\(Self.hint)", "\(options)")
                }
            } catch {
                await container.delete()
                running.stop()
                throw error
            }
            await container.delete()
            running.stop()
        }

        @Test("at the end: what came later, and nothing that was said already where there are names")
        func later() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await OwnLibrary(in: workspace)
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library.path)
            defer { caller.stop() }
            let (before, after) = (
                try await compile(in: workspace, as: "untraced-d"), try await compile(in: workspace, as: "untraced-e")
            )
            let running = try await start(before)
            defer { running.stop() }
            for startsAnother in [false, true] {
                let tracer = try await Tracer(
                    options: ["-v", "--comm", "caller,untraced-d,untraced-e"] + library.options)
                defer { tracer.stop() }
                try await tracer.complete()
                if startsAnother {
                    let another = try await start(after)
                    defer { another.stop() }
                    try await tracer.notice(containing: "not traced: \(after): rustls can't be traced")
                }
                let name = uniqueName("later")
                try await caller.tell("name \(name)")
                try await tracer.event(named: name)
                let (tracing, closing) = try await lines(of: tracer)
                #expect(tracing.hasSuffix(Self.clause("rustls in untraced-d")))
                let both = Self.clause("rustls in untraced-d, rustls in untraced-e", files: 2)
                #expect(closing == "1 server name, 0 lost\(startsAnother ? both : "")")
            }
        }

        @Test("run: of the command and its children alone")
        func command() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let (others, own) = (
                try await compile(in: workspace, as: "untraced-f"), try await compile(in: workspace, as: "untraced-g")
            )
            let running = try await start(others)
            defer { running.stop() }
            let program = try Program([Sniscope.path, "run", "-v", "--", "sh", "-c", "\(own); exit 3"], hasInput: true)
            defer { program.stop() }
            try await wait("the command", program) { program.errors.contains("not traced: \(own): rustls") }
            try program.closeInput()
            #expect(try await program.waitForEnd() == .exited(3))
            #expect(
                program.errors.all.last == "0 server names, 0 lost" + Self.clause("rustls in untraced-g"),
                "\(program.account)")
            #expect(program.errors.all.contains { $0.hasPrefix("Tracing") && !$0.contains("can't be traced") })
        }

        @Test("no more than three of many")
        func many() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await compile(in: workspace, as: "untraced-1")
            var running: [Program] = []
            defer { for program in running { program.stop() } }
            for number in 1...5 {
                let path = number == 1 ? program : try workspace.copy(program, as: "untraced-\(number)")
                running.append(try await start(path))
            }
            let tracer = try await Tracer("--pid", running.map { String($0.pid) }.joined(separator: ","))
            defer { tracer.stop() }
            let (tracing, _) = try await lines(of: tracer)
            #expect(tracing.contains("TLS that can't be traced in 5 files (rustls in untraced-"))
            #expect(tracing.hasSuffix(" and 2 more): see `sniscope list`"), "\(tracing)")
        }
    }
}
