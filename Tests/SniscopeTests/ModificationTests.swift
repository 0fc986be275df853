import Foundation
import Testing

extension EndToEnd {
    @Suite("A probed file that is rewritten in place", .asRoot, .having("cc", "nm"))
    struct Modifications {
        /// Two builds of a library. Where the first has `SSL_ctrl`, which begins by loading 7, the second has
        /// `SSL_answer`, which begins by loading 42; behind it comes its `SSL_ctrl`.
        private struct Library {
            let path: String
            let next: String
            /// As the first, but for what its `SSL_ctrl` answers: 42.
            let answering: String

            init(in workspace: Workspace) async throws {
                let options = ["-shared", "-fPIC", "-fno-toplevel-reorder", "-Wl,-soname,libssl.so.3"]
                path = try await workspace.compile(Self.code(Self.control + Self.answer), as: "libssl.so", options)
                next = try await workspace.compile(Self.code(Self.answer + Self.control), as: "next.so", options)
                answering = try await workspace.compile(
                    Self.code(Self.control.replacing("7", with: "42") + Self.answer), as: "answering.so", options)
                let control = try await Self.address(of: "SSL_ctrl", in: path)
                try #require(try await Self.address(of: "SSL_answer", in: next) == control)
                try #require(try await Self.address(of: "SSL_ctrl", in: answering) == control)
            }

            /// Puts another build into the file of the first, whose inode stays.
            /// - Parameter other: nil: the second.
            func rewrite(with other: String? = nil) async throws {
                let inode = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
                try await Program.check("cp", other ?? next, path)
                #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == inode)
            }

            private static func address(of symbol: String, in library: String) async throws -> String {
                let symbols = try await Program.check("nm", "-D", library)
                let line = symbols.split(separator: "\n").first { $0.hasSuffix(" \(symbol)") }
                return String(try #require(line?.split(separator: " ").first))
            }

            private static func code(_ functions: String) -> String {
                functions + """
                    static long something;
                    void *TLS_method(void) { return &something; }
                    void *SSL_CTX_new(void *method) { return method; }
                    void *SSL_new(void *context) { return context; }

                    """
            }

            private static let control = """
                __attribute__((aligned(64))) long SSL_ctrl(void *ssl, int command, long number, void *pointer)
                {
                    return 7;
                }

                """
            private static let answer = """
                __attribute__((aligned(64))) long SSL_answer(void)
                {
                    return 42;
                }

                """
        }

        /// What the new build does is what its code says.
        private func expectAnswer(_ caller: Caller, of function: String = "SSL_answer") async throws {
            try caller.program.say("value \(function)")
            try await wait("the value", caller.program) { caller.program.output.contains("done value") }
            #expect(caller.program.output.all.filter { $0.hasPrefix("value ") } == ["value 42"])
        }

        /// Calls until a call is traced.
        private func expectEvents(_ tracer: Tracer, _ caller: Caller) async throws {
            let name = uniqueName("rewritten")
            let event = try await wait("an event of the new build", tracer.program) {
                try await caller.tell("name \(name)")
                return try tracer.events(named: name).first
            }
            #expect(event.proc.pid == caller.pid)
        }

        @Test("after its user has ended: the next one runs the new code, and is traced")
        func betweenUsers() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await Library(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let first = try await Caller(path, library: library.path)
            defer { first.stop() }
            try await tracer.notice(containing: "probed \(library.path)")
            try await expectEvents(tracer, first)
            first.stop()
            _ = try await first.program.waitForEnd()

            try await library.rewrite()
            let second = try await Caller(path, library: library.path)
            defer { second.stop() }
            try await expectAnswer(second)
            try await expectEvents(tracer, second)
            try await tracer.notice(containing: "\(library.path) was changed in place")
            // Its new probe, where it must not be: on the same code.
            let third = try await Caller(path, library: library.path)
            defer { third.stop() }
            try await expectAnswer(third)
            try await tracer.finish()
        }

        @Test("while a process maps it: the next one runs the new code")
        func whileMapped() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await Library(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let first = try await Caller(path, library: library.path)
            defer { first.stop() }
            try await expectEvents(tracer, first)
            // Another first instruction at the same place.
            try await library.rewrite(with: library.answering)
            let second = try await Caller(path, library: library.path)
            defer { second.stop() }
            try await expectEvents(tracer, second)
            try await expectAnswer(second, of: "SSL_ctrl")
            try await tracer.finish()
        }

        @Test("cut off for long while a process maps it: it is let go, and what comes then runs as it is")
        func cut() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await Library(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let first = try await Caller(path, library: library.path)
            defer { first.stop() }
            try await expectEvents(tracer, first)
            #expect(truncate(library.path, 0) == 0)
            try await tracer.notice(containing: "\(library.path) was changed in place")
            try await library.rewrite(with: library.answering)
            for _ in 0..<3 {
                let caller = try await Caller(path, library: library.path)
                defer { caller.stop() }
                try await expectAnswer(caller, of: "SSL_ctrl")
            }
            try await tracer.notice(containing: "\(library.path): it was cut off while it was probed")
            try await tracer.finish()
        }

        @Test("again and again, while one user follows the other: nobody runs what is not there")
        func often() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await Library(in: workspace)
            let original = try workspace.copy(library.path, as: "first.so")
            let tracer = try await Tracer()
            defer { tracer.stop() }
            for _ in 0..<5 {
                try await Program.check("cp", original, library.path)
                let first = try await Caller(path, library: library.path)
                defer { first.stop() }
                try await expectEvents(tracer, first)
                first.stop()
                _ = try await first.program.waitForEnd()
                try await library.rewrite()
                let second = try await Caller(path, library: library.path)
                defer { second.stop() }
                try await expectAnswer(second)
            }
            try await tracer.finish()
        }

        @Test("while a traced process holds its probe: it is probed again once that one has let go")
        func held() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await Library(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let holder = try await Caller(path, library: library.path)
            defer { holder.stop() }
            try await expectEvents(tracer, holder)
            try holder.program.say("withheld x")
            try await wait("the call", holder.program) { holder.program.output.contains("held") }

            try await library.rewrite()
            try await tracer.notice(containing: "\(library.path) was changed in place")
            let next = try await Caller(path, library: library.path)
            defer { next.stop() }
            try await expectAnswer(next)
            let name = uniqueName("held")
            try await next.tell("name \(name)")
            #expect(probings(of: library, tracer) == 1)
            holder.stop()
            try await expectEvents(tracer, next)
            #expect(probings(of: library, tracer) == 2)
            #expect(try tracer.events(named: name).isEmpty)
            try await tracer.finish()
        }

        private func probings(of library: Library, _ tracer: Tracer) -> Int {
            tracer.program.errors.all.count { $0.contains("probed \(library.path)") }
        }

        @Test("by one of two containers that share it: each is traced with the code that it has")
        func overlaid() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let layer = try Workspace()
            defer { layer.remove() }
            let library = try await Library(in: layer)
            let merged = try (1...2).map { number in
                try ["upper", "work", "merged"].map { name in
                    let folder = "\(workspace.path)/\(name)\(number)"
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
                    return folder
                }
            }
            var mounts: [String] = []
            defer {
                // Lazily: what still maps its files ends after this.
                for mount in mounts { umount2(mount, Int32(MNT_DETACH)) }
            }
            for folders in merged {
                let options = "lowerdir=\(layer.path),upperdir=\(folders[0]),workdir=\(folders[1])"
                try await Program.check("mount", "-t", "overlay", "overlay", "-o", options, folders[2])
                mounts.append(folders[2])
            }
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let writer = try await Caller(path, library: "\(mounts[0])/libssl.so")
            defer { writer.stop() }
            try await expectEvents(tracer, writer)
            let other = try await Caller(path, library: "\(mounts[1])/libssl.so")
            defer { other.stop() }
            try await expectEvents(tracer, other)
            writer.stop()
            _ = try await writer.program.waitForEnd()

            try await Program.check("cp", library.next, "\(mounts[0])/libssl.so")
            try await tracer.notice(containing: "was changed in place")
            try await expectEvents(tracer, other)
            let next = try await Caller(path, library: "\(mounts[0])/libssl.so")
            defer { next.stop() }
            try await expectAnswer(next)
            try await expectEvents(tracer, next)
            try await expectEvents(tracer, other)
            // Now the file is its own.
            next.stop()
            _ = try await next.program.waitForEnd()
            try await Program.check("cp", library.path, "\(mounts[0])/libssl.so")
            let last = try await Caller(path, library: "\(mounts[0])/libssl.so")
            defer { last.stop() }
            try await expectAnswer(last)
            try await expectEvents(tracer, last)
            try await expectEvents(tracer, other)
            try await tracer.finish()
        }

        @Test("with --binary: the user is told, and it is traced at its new place")
        func named() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await Library(in: workspace)
            let tracer = try await Tracer("--binary", library.path)
            defer { tracer.stop() }
            try await library.rewrite()
            try await tracer.notice(containing: "\(library.path) was changed in place and its probes are taken out")
            let caller = try await Caller(path, library: library.path)
            defer { caller.stop() }
            try await expectAnswer(caller)
            try await expectEvents(tracer, caller)

            // What it becomes next has no such function.
            try Data("nothing".utf8).write(to: URL(filePath: library.next))
            try await library.rewrite()
            try await tracer.notice(containing: "not traced any more")
            try await tracer.finish()
        }
    }
}
