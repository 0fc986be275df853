import Foundation
import Testing

extension EndToEnd {
    @Suite("Libraries: each one's client makes a connection, which is one event", .asRoot, .having("openssl"))
    struct Libraries {
        /// What a client is compiled with.
        private enum Header {
            static let wolfSSL = "/usr/include/wolfssl/ssl.h"
            static let mbedTLS = "/usr/include/mbedtls/ssl.h"
            static let libtls = "/usr/include/tls.h"
        }

        /// What an event and a report say of a library.
        private struct Expected {
            let kind: String
            let function: String
            /// The soname; nil: the library is in the program.
            let library: String?
            var hasConnection = true
        }

        @Test(
            "wolfSSL", .having("cc", Header.wolfSSL),
            arguments: [
                ("wolfSSL_UseSNI", false), ("wolfSSL_CTX_UseSNI", false), ("wolfSSL_set_tlsext_host_name", false),
                ("wolfSSL_UseSNI", true), ("wolfSSL_CTX_UseSNI", true),
            ])
        func wolfSSL(way: String, isStatic: Bool) async throws {
            let function = way == "wolfSSL_CTX_UseSNI" ? way : "wolfSSL_UseSNI"
            try await check(
                .wolfSSL, isStatic, arguments: [way],
                Expected(
                    kind: "wolfSSL", function: function, library: "libwolfssl.so.35",
                    hasConnection: function == "wolfSSL_UseSNI"))
        }

        @Test("Mbed TLS", .having("cc", Header.mbedTLS), arguments: [false, true])
        func mbedTLS(isStatic: Bool) async throws {
            try await check(
                .mbedTLS, isStatic,
                Expected(kind: "Mbed TLS", function: "mbedtls_ssl_set_hostname", library: "libmbedtls.so.14"))
        }

        @Test("libtls: its call and OpenSSL's below are one event", .having("cc", Header.libtls))
        func libtls() async throws {
            try await check(
                .libtls, false, Expected(kind: "OpenSSL", function: "SSL_ctrl", library: "libssl.so.3"))
        }

        @Test("NSS's own client", .having("tstclnt"))
        func nss() async throws {
            try await check(Expected(kind: "NSS", function: "SSL_SetURL", library: "libssl3.so")) { name, port in
                ["tstclnt", "-h", "127.0.0.1", "-p", "\(port)", "-a", name, "-o", "-D", "-Q"]
            }
        }

        @Test(
            "rustls-ffi: no package has it, so this is a library of its interface", .having("cc"),
            arguments: ["rustls_client_connection_new", "rustls_client_connection_new_alpn"])
        func rustls(function: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await workspace.compile(
                """
                int rustls_client_connection_new(void *config, const char *name, void **out) { return 7000; }
                int rustls_client_connection_new_alpn(void *config, const char *name, void *protocols) { return 7000; }
                """, as: "librustls.so", "-shared", "-fPIC")
            let program = try await workspace.compile(
                """
                int \(function)(void *config, const char *name, void **out);
                int main(int count, char **arguments)
                {
                    void *connection;
                    return \(function)(arguments, arguments[1], &connection) != 7000;
                }
                """, as: "client", library, "-Wl,-rpath," + workspace.path)
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("rustls")
            // rustls sends no address, and no dot at the end.
            #expect(try await Program.run(program, "127.0.0.1").end == .exited(0))
            #expect(try await Program.run(program, name + ".").end == .exited(0))
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.library.kind == "rustls-ffi")
            #expect(event.library.function == function)
            #expect(event.connection == nil)
        }

        /// Compiles a client and runs it.
        private func check(
            _ client: LibraryClient, _ isStatic: Bool, arguments: [String] = [], _ expected: Expected
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await client.compile(in: workspace, as: "client", isStatic ? "-static" : "-O1")
            var expected = expected
            if isStatic {
                expected = Expected(
                    kind: expected.kind, function: expected.function, library: nil,
                    hasConnection: expected.hasConnection)
            }
            let version = try await check(expected) { name, port in [path, "\(port)", name] + arguments }
            let report = try await Sniscope.run("inspect", "-o", "json", try await file(of: expected, program: path))
            let library = try #require(try FileEntry.all(report.output).first?.libraries.first)
            #expect(library.version == version)
        }

        private func file(of expected: Expected, program: String) async throws -> String {
            guard let library = expected.library else { return program }
            return try await libraryPath(library)
        }

        /// Runs a client while sniscope traces.
        /// - Parameter command: The client's, for a name and a port.
        /// - Returns: The first line that the client wrote.
        @discardableResult
        private func check(_ expected: Expected, _ command: (String, Int) -> [String]) async throws -> String? {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let name = uniqueName("library")
            let command = command(name, server.port)
            let tracer =
                try await expected.library == nil ? Tracer("--binary", command[0]) : Tracer()
            defer { tracer.stop() }
            let program = try await Program.run(command)
            #expect(program.end == .exited(0), "\(program.account)")
            let event = try await tracer.onlyEvent(named: name)
            let path = try await file(of: expected, program: command[0])
            #expect(event.proc.pid == program.pid)
            #expect(event.library.kind == expected.kind)
            #expect(event.library.function == expected.function)
            #expect(URL(filePath: event.library.path).resolvingSymlinksInPath().path == path)
            #expect(event.library.located == (expected.library == nil ? "symtab" : "dynsym"))
            #expect((event.connection != nil) == expected.hasConnection)

            let report = try await Sniscope.run("inspect", "-o", "json", path)
            let libraries = try #require(try FileEntry.all(report.output).first).libraries
            #expect(libraries.map(\.kind) == [expected.kind])
            #expect(libraries.first?.functions.contains { $0.function == expected.function } == true)
            return program.output.all.first
        }
    }
}
