import Foundation
import Testing

extension EndToEnd {
    @Suite("Static programs: the library is in the program", .asRoot, .having("cc", "nm", "strip"))
    struct StaticPrograms {
        /// Asks for each of its arguments.
        private static let source = """
            #include <openssl/ssl.h>
            int main(int count, char **names)
            {
                SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
                for (int i = 1; ssl && i < count; i++)
                    if (SSL_set_tlsext_host_name(ssl, names[i]) != 1)
                        return 2;
                return !ssl;
            }
            """

        private func client(in workspace: Workspace, _ option: String = "-static") async throws -> String {
            try await workspace.compile(Self.source, as: "client", option, "-lssl", "-lcrypto")
        }

        @Test("a program that runs for the first time after tracing started", arguments: ["-static", "-static-pie"])
        func onHost(_ option: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await client(in: workspace, option)
            let tracer = try await Tracer("--binary", path)
            defer { tracer.stop() }
            let name = uniqueName("static")
            let program = try await Program.run(path, name)
            #expect(program.end == .exited(0))
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect(event.proc.exe == path)
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.path == path)
            #expect(event.library.function == "SSL_ctrl")
            #expect(event.library.located == "symtab")

            let report = try await Sniscope.run("inspect", "-o", "json", path)
            let function = try #require(try FileEntry.all(report.output).first?.libraries.first?.functions.first)
            let symbols = try await Program.check("nm", path)
            let line = try #require(symbols.split(separator: "\n").first { $0.hasSuffix(" T SSL_ctrl") })
            let address = try #require(UInt64(line.prefix { $0 != " " }, radix: 16))
            // The linker's base address of programs that are not moved.
            #expect(function.fileOffset == (option == "-static" ? address - 0x40_0000 : address))
        }

        @Test("one whose file nobody has seen before is known when it is mapped")
        func unknownFile() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await client(in: workspace)
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            #expect(try await Program.run(path).end == .exited(0))
            try await tracer.notice(containing: "probed \(path)")
            let name = uniqueName("mapped")
            #expect(try await Program.run(path, name).end == .exited(0))
            #expect(try await tracer.onlyEvent(named: name).library.located == "symtab")
        }

        @Test("a command that sniscope starts: its first call too, also behind a script")
        func command() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await client(in: workspace)
            let names = (uniqueName("run"), uniqueName("script"))
            let script = try workspace.write("#!\(path) \(names.1)\n", to: "start")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
            for (name, command) in [(names.0, [path, names.0]), (names.1, [script])] {
                // Each with its own file, which nothing knows yet.
                let output = "\(workspace.path)/\(name).json"
                let run = try await Program.run(
                    [Sniscope.path, "run", "-o", "json", "--output-file", output, "--"] + command)
                #expect(run.end == .exited(0), "\(run.account)")
                let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map(String.init)
                #expect(try Event.all(lines).filter { $0.name == name }.map(\.library.located) == ["symtab"])
            }
        }

        @Test("a stripped program, found by what its functions contain: its first call")
        func stripped() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await client(in: workspace)
            try await Program.check("strip", path)
            let name = uniqueName("stripped")
            let output = "\(workspace.path)/stripped.json"
            let run = try await Program.run(
                [Sniscope.path, "run", "-o", "json", "--output-file", output, "--", path, name])
            #expect(run.end == .exited(0), "\(run.account)")
            let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map(String.init)
            let libraries = try Event.all(lines).filter { $0.name == name }.map(\.library)
            #expect(libraries.map(\.located) == ["anchor"] && libraries.map(\.function) == ["ssl3_ctrl"])
        }

        @Test(
            "a container of nothing but that program: its first call, by whatever its command line names it",
            .having("docker", "dockerd", "tar"), arguments: ["absolute", "path", "relative", "init", "script"])
        func container(_ start: String) async throws {
            let docker = Docker.shared
            try #require(await docker.answers, "no Docker daemon answers at \(docker.host)")
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await client(in: workspace)
            let name = uniqueName("distroless")
            let container = "sniscope-static-\(start)"
            let image = "\(container):latest"
            let root = workspace.path + "/root"
            let folder = start == "path" ? "opt/bin" : "srv/app"
            try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
            try FileManager.default.moveItem(atPath: path, toPath: "\(root)/\(folder)/client")
            let script = "\(root)/srv/start"
            if start == "script" {
                try "#!/srv/app/client \(name)\n".write(toFile: script, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
            }
            try await Program.check("tar", "-C", root, "-cf", workspace.path + "/image.tar", ".")
            try await docker("import", workspace.path + "/image.tar", image)
            let tracer = try await Tracer("-r", "docker", "-c", container)
            defer { tracer.stop() }
            let options = ["run", "--rm", "--network", "none", "--read-only", "--name", container]
            let arguments: [String] =
                switch start {
                case "absolute": [image, "/srv/app/client", name]
                case "path": ["-e", "PATH=/bin:/opt/bin", image, "client", name]
                case "relative": ["-w", "/srv/app", image, "./client", name]
                case "init": ["--init", image, "/srv/app/client", name]
                default: [image, "/srv/start"]
                }
            try await docker(options + arguments)
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.library.located == "symtab")
            #expect(event.library.path == "/\(folder)/client")
            #expect(event.proc.exe.hasSuffix("/client"))
            try await docker("rmi", image)
        }
    }
}
