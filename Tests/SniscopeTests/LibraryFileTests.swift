import Foundation
import Testing

extension EndToEnd {
    @Suite("Library files: renamed, deleted, named, described", .asRoot, .having("cc", "openssl"))
    struct LibraryFiles {
        @Test(
            "a library is known by its contents: renamed, with a hash in its name, deleted",
            arguments: [
                ("libfoo.so", false), ("libssl-8bd944e8.so.3", false), ("libfoo.so", true),
            ])
        func renamed(as file: String, isDeleted: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let original = try await libraryPath("libssl.so.3")
            let library = try workspace.copy(original, as: file)
            let notes = try await Program.check("readelf", "-n", library)
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            if isDeleted { try FileManager.default.removeItem(atPath: library) }

            let list = try await Sniscope.run("list", "-o", "json", "--pid", "\(caller.pid)")
            #expect(list.end == .exited(0))
            let entry = try #require(try FileEntry.all(list.output).first { $0.path == library }, "\(list.account)")
            #expect(entry.deleted ?? false == isDeleted)
            #expect(entry.libraries.map(\.kind) == ["OpenSSL"])
            let version = try await Program.check("openssl", "version").split(separator: " ")[1]
            // Its libcrypto, which has all of the version, is not beside it.
            #expect(version.hasPrefix(entry.libraries.first?.version ?? "none"))
            #expect(notes.contains("Build ID: \(try #require(entry.buildId))"))
            #expect(entry.processes?.map(\.pid) == [caller.pid])
            #expect(entry.processes?.map(\.comm) == ["caller"])
            #expect(entry.traced == true)
            let table = try await Sniscope.run("list", "--pid", "\(caller.pid)")
            #expect(table.output.contains(library + (isDeleted ? " (deleted)" : "")))

            let tracer = try await Tracer()
            defer { tracer.stop() }
            let name = uniqueName("renamed")
            try await caller.tell("name \(name)")
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.path == library)
            #expect(event.library.buildId == entry.buildId)
        }

        @Test("a file that is loaded while tracing goes on is probed then")
        func loadedLate() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let caller = try await Caller(try await Caller.compile(in: workspace))
            defer { caller.stop() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libfoo.so")
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            try await caller.tell("load \(library)")
            try await tracer.notice(containing: "probed \(library)")
            let name = uniqueName("loaded")
            try await caller.tell("name \(name)")
            #expect(try await tracer.onlyEvent(named: name).library.path == library)
        }

        @Test("--binary traces that file alone, in programs that run and that start later")
        func binary() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let original = try await libraryPath("libssl.so.3")
            let library = try workspace.copy(original, as: "libfoo.so")
            let running = try await Caller(path, library: library)
            defer { running.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let other = try await Caller(path, library: original)
            defer { other.stop() }
            let later = try await Caller(path, library: library)
            defer { later.stop() }
            let names = (uniqueName("other"), uniqueName("running"), uniqueName("later"))
            try await other.tell("name \(names.0)")
            try await running.tell("name \(names.1)")
            try await later.tell("name \(names.2)")
            try await tracer.event(named: names.2)
            let events = try await tracer.finish()
            #expect(events.map(\.name) == [names.1, names.2])
            #expect(events.map(\.proc.pid) == [running.pid, later.pid])
        }

        @Test("--symbols describes a library of one's own")
        func symbols() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await workspace.compile(
                "int my_set_name(void *context, const char *name) { return context && name; }", as: "libmine.so",
                "-shared", "-fPIC")
            let program = try await workspace.compile(
                """
                int my_set_name(void *context, const char *name);
                int main(int count, char **arguments) { return !my_set_name(arguments, arguments[count - 1]); }
                """, as: "user", library, "-Wl,-rpath," + workspace.path)
            let symbols = try workspace.write(
                """
                // Only for this test.
                {
                    kind: "MyTLS",
                    recognise: { defines: ["my_set_name"] },
                    functions: [{ symbol: "my_set_name", name: { argument: 1, form: "terminated" } }],
                }
                """, to: "mine.json5")
            let tracer = try await Tracer("--symbols", symbols, "--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("mine")
            #expect(try await Program.run(program, name).end == .exited(0))
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.library.kind == "MyTLS")
            #expect(event.library.function == "my_set_name")
            #expect(event.library.version == nil)
            #expect(event.connection == nil)

            let report = try await Sniscope.run("inspect", "--symbols", symbols, library)
            #expect(report.output.contains("MyTLS"))
            #expect(try await Sniscope.run("inspect", library).output.contains("no TLS library"))
            let broken = try workspace.write("{ kind: \"MyTLS\", recognize: {} }", to: "broken.json5")
            let refused = try await Sniscope.run("inspect", "--symbols", broken, library)
            #expect(refused.end == .exited(1))
            #expect(refused.errors.contains("\(broken):1: recognize: unknown key"))
        }

        @Test("the example of symbols/README.md: a program without symbols", .having("strip"))
        func example() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let folder = URL(filePath: #filePath).appending(path: "../../../symbols/example").standardizedFileURL.path
            let program = "\(workspace.path)/client"
            let sources = ["client", "acme_tls", "acme_error"].map { "\(folder)/\($0).c" }
            try await Program.check(["cc", "-O2", "-o", program] + sources)
            try await Program.check("strip", program)
            let symbols = "\(folder)/acme.json5"
            let report = try await Sniscope.run("inspect", "-v", "--symbols", symbols, program)
            #expect(report.output.contains("acme_set_host at file offset 0x"), "\(report.account)")
            #expect(report.output.contains("by anchor"))
            let tracer = try await Tracer("--symbols", symbols, "--binary", program)
            defer { tracer.stop() }
            let name = uniqueName("acme")
            #expect(try await Program.run(program, name).end == .exited(0))
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.library.kind == "Acme TLS")
            #expect(event.library.function == "acme_set_host")
            #expect(event.connection != nil)
        }

        @Test("inspect tells the functions and places that nm and readelf tell")
        func inspect() async throws {
            let library = try await libraryPath("libssl.so.3")
            let report = try await Sniscope.run("inspect", "-o", "json", library)
            let entry = try #require(try FileEntry.all(report.output).first)
            let function = try #require(entry.libraries.first?.functions.first)
            #expect(function.function == "SSL_ctrl")
            #expect(function.located == "dynsym")
            let symbols = try await Program.check("nm", "-D", "--defined-only", "--without-symbol-versions", library)
            let line = try #require(symbols.split(separator: "\n").first { $0.hasSuffix(" T SSL_ctrl") })
            let address = UInt64(line.prefix { $0 != " " }, radix: 16)
            // The libraries of this distribution are linked so that addresses are offsets.
            #expect(function.fileOffset == address)
            #expect([0, 4].contains(function.probeOffset - function.fileOffset))
            let text = try await Sniscope.run("inspect", library)
            #expect(text.output.contains("SSL_ctrl at file offset 0x"))
            #expect(text.output.contains("probe at 0x"))
        }
    }
}
