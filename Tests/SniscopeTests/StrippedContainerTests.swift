import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Programs without symbols, in containers", .asRoot, .having("docker", "openssl", "tar", "/usr/bin/python3"),
        .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers })
    struct StrippedContainers {
        let docker = Docker.shared

        @Test("a Go program that is all of its image", .having(GoClient.go))
        func go() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let client = try await GoClient.compile(in: workspace)
            let image = try await docker.image("go", in: workspace, programs: ["/client": client])
            let (name, address) = (uniqueName("go"), "127.0.0.1")
            // Go asks itself for an address too, which no handshake has.
            let command = [image, "/client", "\(server.port)", name, address, name + "."]
            let events = try await docker.events(named: name, in: "sniscope-go", command)
            #expect(events.count == 2, "with a dot at its end it is the same name")
            #expect(server.count(of: name) == 2)
            for event in events {
                #expect(event.proc.exe == "/client")
                #expect(event.library.kind == "Go crypto/tls")
                #expect(event.library.version?.hasPrefix("1.19") == true)
                #expect(event.library.path == "/client")
                #expect(event.library.function == "crypto/tls.hostnameInSNI")
                #expect(event.library.located == "gopclntab")
            }
            try await docker("rmi", image)
        }

        @Test("docker's own client, stripped", .having("strip"))
        func dockerClient() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let installed = try await Program.check("sh", "-c", "readlink -f $(command -v docker)")
            let client = workspace.path + "/docker"
            try await Program.check("strip", "-o", client, installed)
            let image = try await docker.image("docker", in: workspace, programs: ["/usr/bin/docker": client])
            let name = uniqueName("docker")
            let options = ["--add-host", "\(name):127.0.0.1", "-v", "\(workspace.path):/server"]
            let command = [
                "-H", "tcp://\(name):\(server.port)", "--tls", "--tlscacert", "/server/certificate.pem", "version",
            ]
            // The server is none beyond HTTP. Where processors are busy, the first look into so large a program ends
            // about when its first call comes.
            let program = [image, "/usr/bin/docker"]
            let events = try await docker.events(
                named: name, in: "sniscope-docker", options: options, program + command, succeeds: false,
                after: program + ["--version"])
            #expect(events.count == server.count(of: name), "every call is one event")
            for event in events {
                #expect(event.library.kind == "Go crypto/tls")
                #expect(event.library.path == "/usr/bin/docker")
                #expect(event.library.located == "gopclntab")
            }
            try await docker("rmi", image)
        }

        @Test("BusyBox's wget, with no openssl in its image", .having(BusyBox.path))
        func busybox() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let image = try await docker.busybox("busybox", in: workspace)
            let name = uniqueName("busybox")
            let events = try await docker.events(
                named: name, in: "sniscope-busybox", options: ["--add-host", "\(name):127.0.0.1"],
                [image, "/bin/sh", "-c", "wget -O /dev/null https://\(name):\(server.port)/"])
            #expect(events.count == 1, "every call is one event")
            #expect(server.count(of: name) == 1)
            let event = try #require(events.first)
            #expect(event.proc.comm == "wget")
            #expect(event.proc.exe == "/bin/busybox")
            #expect(event.library.kind == "BusyBox TLS")
            #expect(["/bin/busybox", "/bin/sh", "/bin/wget"].contains(event.library.path))
            #expect(event.library.function == "tls_handshake")
            #expect(event.library.located == "anchor")
            try await docker("rmi", image)
        }

        @Test("Swift NIO, stripped", .having("strip", "ldd", NIOClient.path))
        func nio() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let client = workspace.path + "/nio-client"
            try await Program.check("strip", "-o", client, NIOClient.path)
            let image = try await docker.image("nio", in: workspace, program: client)
            let name = uniqueName("nio")
            let events = try await docker.events(
                named: name, in: "sniscope-nio", [image, client, "\(server.port)", name])
            #expect(events.count == 1, "every call is one event")
            #expect(server.count(of: name) == 1)
            let event = try #require(events.first)
            #expect(event.library.kind == "BoringSSL")
            #expect(event.library.path == client)
            #expect(event.library.function == "SSL_set_tlsext_host_name")
            #expect(event.library.located == "anchor")
            try await docker("rmi", image)
        }
    }
}

/// Tests/clients/nio-client, as it was built.
private enum NIOClient {
    static let path = URL(filePath: #filePath).appending(path: "../../../.build/nio-client/release/nio-client")
        .standardizedFileURL.path
}
