import Foundation
import Testing

extension EndToEnd {
    @Suite("Programs without symbols, by name", .asRoot, .having("openssl", "/usr/bin/python3"))
    struct StrippedPrograms {
        @Test("a file of the host", .having(GoClient.go))
        func file() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let client = try await GoClient.compile(in: workspace)
            let tracer = try await Tracer("--binary", client)
            defer { tracer.stop() }
            let name = uniqueName("binary")
            let program = try await Program.run(client, "\(server.port)", name)
            #expect(program.end == .exited(0), "\(program.account)")
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect(event.library.path == client)
            #expect(event.library.located == "gopclntab")
        }

        @Test("a command that sniscope starts", .having(GoClient.go))
        func command() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let client = try await GoClient.compile(in: workspace)
            let (name, output) = (uniqueName("run"), workspace.path + "/events.json")
            let run = try await Sniscope.run(
                "run", "-o", "json", "--output-file", output, "--", client, "\(server.port)", name)
            #expect(run.end == .exited(0), "\(run.account)")
            let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map(String.init)
            let events = try Event.all(lines)
            #expect(events.map(\.name) == [name])
            #expect(events.map(\.library.located) == ["gopclntab"])
        }

        @Test(
            "a file of a container", .having("docker", "tar", BusyBox.path),
            .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers })
        func fileOfContainer() async throws {
            let docker = Docker.shared
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let (container, name) = ("sniscope-binary", uniqueName("container"))
            await docker.remove([container])
            let image = try await docker.busybox("binary", in: workspace)
            try await docker(
                "run", "-d", "--rm", "--network", "host", "--name", container, "--add-host", "\(name):127.0.0.1", image,
                "/bin/sleep", "600")
            do {
                let tracer = try await Tracer("--binary", "\(container):/bin/busybox")
                defer { tracer.stop() }
                try await docker("exec", container, "/bin/wget", "-O", "/dev/null", "https://\(name):\(server.port)/")
                let event = try await tracer.onlyEvent(named: name)
                docker.expect(event, in: container)
                #expect(event.library.kind == "BusyBox TLS")
                #expect(event.library.path == "/bin/busybox")
                #expect(event.library.located == "anchor")
            } catch {
                await docker.remove([container])
                throw error
            }
            await docker.remove([container])
            try await docker("rmi", image)
        }
    }
}
