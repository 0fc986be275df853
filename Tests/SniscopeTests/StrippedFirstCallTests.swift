import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "The first call of a program without symbols", .serialized, .asRoot,
        .having("docker", "openssl", "tar", "/usr/bin/python3", BusyBox.path, GoClient.go),
        .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers })
    struct StrippedFirstCalls {
        let docker = Docker.shared
        static let count = 6

        @Test("Go: each time an image that nobody has seen before")
        func go() async throws {
            try await expectAll("go") { workspace, client, unlike in
                try await docker.image("fresh-go", in: workspace, programs: ["/client": client], unlike: unlike)
            } command: { port, name in
                ["/client", "\(port)", name]
            }
        }

        @Test("BusyBox: each time an image that nobody has seen before")
        func busybox() async throws {
            try await expectAll("busybox") { workspace, _, unlike in
                try await docker.busybox("fresh-busybox", in: workspace, unlike: unlike)
            } command: { port, name in
                ["/bin/wget", "-O", "/dev/null", "https://\(name):\(port)/"]
            }
        }

        @Test("a shell script that becomes the program")
        func script() async throws {
            let script = "#!/bin/sh\nexec /client \"$@\"\n"
            try await expectAll("script") { workspace, client, unlike in
                try await docker.busybox(
                    "fresh-script", in: workspace, programs: ["/client": client], scripts: ["/start": script],
                    unlike: unlike)
            } command: { port, name in
                ["/start", "\(port)", name]
            }
        }

        private func expectAll(
            _ what: String,
            image: (_ workspace: Workspace, _ client: String, _ unlike: Data) async throws -> String,
            command: (_ port: Int, _ name: String) -> [String]
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let client = try await GoClient.compile(in: workspace)
            let container = "sniscope-fresh-\(what)"
            await docker.remove([container])
            // Nothing is known from an earlier run.
            let tracer = try await Tracer("-r", "docker", "-c", container, "--cache-dir", "none", "-v")
            defer { tracer.stop() }
            var names: [String] = []
            for number in 0..<Self.count {
                let name = uniqueName("first-\(what)-\(number)")
                names.append(name)
                let image = try await image(workspace, client, Data(name.utf8))
                let options = ["run", "--rm", "--network", "host", "--name", container]
                try await docker(options + ["--add-host", "\(name):127.0.0.1", image] + command(server.port, name))
                try await docker("rmi", image)
            }
            let events = try await tracer.finish()
            #expect(names.filter { server.count(of: $0) == 1 } == names)
            #expect(events.map(\.name) == names, "\(tracer.program.account)")
            for event in events { docker.expect(event, in: container) }
        }
    }
}
