import Foundation
import Testing

extension EndToEnd {
    @Suite("Libraries that come late, are replaced, or lie in no folder", .asRoot, .having("cc"))
    struct LateLoads {
        let workspace: Workspace
        let original: String

        init() async throws {
            workspace = try Workspace()
            original = try await libraryPath("libssl.so.3")
        }

        /// Has a program load a library, and waits until it is probed.
        private func load(_ library: String, in caller: Caller, _ tracer: Tracer) async throws {
            try await caller.tell("load \(library)")
            try await tracer.notice(containing: "probed \(library)")
        }

        private func ask(_ caller: Caller, _ tracer: Tracer, _ prefix: String) async throws -> Event {
            let name = uniqueName(prefix)
            try await caller.tell("name \(name)")
            return try await tracer.event(named: name)
        }

        @Test("a library that is replaced as apt and pip do it: who maps the old one and who maps the new one")
        func replaced() async throws {
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try workspace.copy(original, as: "libreplaced.so")
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let old = try await Caller(path)
            defer { old.stop() }
            try await load(library, in: old, tracer)

            // Written beside it, with a build ID of its own, and renamed over it.
            let (data, _) = try FreshTemplate(file: original).fresh()
            try data.write(to: URL(filePath: library + ".new"))
            try #require(rename(library + ".new", library) == 0)
            let new = try await Caller(path)
            defer { new.stop() }
            try await new.tell("load \(library)")
            try await wait("two probed files", tracer.program) {
                tracer.program.errors.all.count { $0.contains("probed \(library)") } == 2
            }

            let before = try await ask(old, tracer, "old")
            let after = try await ask(new, tracer, "new")
            #expect(before.proc.pid == old.pid)
            #expect(after.proc.pid == new.pid)
            #expect(before.library.path == library)
            #expect(after.library.path == library)
            #expect(before.library.buildId != after.library.buildId)
            // One call, one event: neither file is probed twice.
            let names = [before.name, after.name]
            #expect(try await tracer.finish().count { names.contains($0.name) } == 2)
        }

        @Test("a file that is unlinked after it was mapped, by the program that has it and before it is probed")
        func unlinked() async throws {
            defer { workspace.remove() }
            let library = try workspace.copy(original, as: "libunlinked.so")
            let caller = try await Caller(try await Caller.compile(in: workspace))
            defer { caller.stop() }
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            try caller.program.say("load \(library)")
            try await wait("the mapping", caller.program) {
                try String(contentsOfFile: "/proc/\(caller.pid)/maps", encoding: .utf8).contains(library)
            }
            try FileManager.default.removeItem(atPath: library)
            try await tracer.notice(containing: "probed \(library)")
            let event = try await ask(caller, tracer, "unlinked")
            #expect(event.proc.pid == caller.pid)
            #expect(event.library.path.hasPrefix(library))
        }

        @Test("a library in memory alone: a memfd")
        func memory() async throws {
            defer { workspace.remove() }
            let loader = try await workspace.compile(Self.memoryLoader, as: "loader")
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let name = uniqueName("memory")
            let program = try Program([loader, original, name], hasInput: true)
            defer { program.stop() }
            try await tracer.notice(containing: "probed /memfd:sniscope")
            try program.say("")
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect(event.library.path.hasPrefix("/memfd:sniscope"))
            #expect(event.library.kind == "OpenSSL")
        }

        @Test("exec of another program in the same process: both programs' calls, and the second one's name")
        func exec() async throws {
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let (first, second) = (workspace.path + "/first", workspace.path + "/second")
            for copy in [first, second] { try FileManager.default.copyItem(atPath: path, toPath: copy) }
            let libraries = try ["libfirst.so", "libsecond.so"].map { try workspace.copy(original, as: $0) }
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            let process = try await Caller(first)
            defer { process.stop() }
            try await load(libraries[0], in: process, tracer)
            let before = try await ask(process, tracer, "before")
            try await process.tell("exec \(second)")
            try await load(libraries[1], in: process, tracer)
            let after = try await ask(process, tracer, "after")
            #expect(before.proc.pid == after.proc.pid)
            #expect(before.proc.exe == first)
            #expect(after.proc.exe == second)
            #expect(after.proc.comm == "second")
            #expect(after.library.path == libraries[1])
        }

        /// Copies a file into memory, loads it, waits for a line, and asks for a name.
        private static let memoryLoader = #"""
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <sys/mman.h>
            #include <sys/sendfile.h>
            #include <unistd.h>

            int main(int count, char **arguments)
            {
                int file = open(arguments[1], O_RDONLY), memory = memfd_create("sniscope", 0);
                void *(*method)(void), *(*context)(void *), *(*connection)(void *), *library;
                long (*control)(void *, int, long, void *);
                char path[64];

                while (sendfile(memory, file, NULL, 1 << 20) > 0)
                    ;
                snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
                library = dlopen(path, RTLD_NOW);
                if (!library) {
                    fprintf(stderr, "%s\n", dlerror());
                    return 1;
                }
                getchar();
                method = dlsym(library, "TLS_method");
                context = dlsym(library, "SSL_CTX_new");
                connection = dlsym(library, "SSL_new");
                control = dlsym(library, "SSL_ctrl");
                return !control(connection(context(method())), 55, 0, arguments[2]);
            }
            """#
    }
}
