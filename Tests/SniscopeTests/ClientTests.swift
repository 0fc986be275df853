import Foundation
import Testing

private let python = "/usr/bin/python3"

extension EndToEnd {
    @Suite("Clients: one connection is one event, with who asked for which name through which library", .asRoot)
    struct Clients {
        @Test("curl", .having("curl", "openssl"))
        func curl() async throws {
            try await expect("curl", "/usr/bin/curl", "OpenSSL") { name, port in
                ["curl", "-sk", "--resolve", "\(name):\(port):127.0.0.1", "https://\(name):\(port)/"]
            }
        }

        @Test("wget", .having("wget", "openssl", "unshare"))
        func wget() async throws {
            try await expect("wget", "/usr/bin/wget", "GnuTLS") { name, port in
                inOwnMounts(
                    after: "hosts=$(mktemp); echo 127.0.0.1 \(name) >$hosts; mount --bind $hosts /etc/hosts; rm $hosts",
                    ["wget", "-qO", "/dev/null", "--no-check-certificate", "https://\(name):\(port)/"])
            }
        }

        @Test("openssl s_client", .having("openssl"))
        func openSSL() async throws {
            try await expect("openssl", "/usr/bin/openssl", "OpenSSL") { name, port in
                ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", name]
            }
        }

        @Test("gnutls-cli", .having("gnutls-cli", "openssl"))
        func gnuTLS() async throws {
            try await expect("gnutls-cli", "/usr/bin/gnutls-cli", "GnuTLS") { name, port in
                ["gnutls-cli", "--insecure", "--sni-hostname", name, "-p", "\(port)", "127.0.0.1"]
            }
        }

        @Test("Python's ssl", .having(python, "openssl"))
        func pythonSSL() async throws {
            try await expect("python3", python, "OpenSSL") { name, port in
                let script = """
                    import socket, ssl
                    connection = socket.create_connection(("127.0.0.1", \(port)))
                    ssl._create_unverified_context().wrap_socket(connection, server_hostname="\(name)")
                    """
                return [python, "-c", script]
            }
        }

        @Test("Python's urllib", .having(python, "openssl"))
        func pythonURL() async throws {
            try await expect("python3", python, "OpenSSL") { name, port in
                let script = """
                    import socket, ssl, urllib.request
                    resolve = socket.getaddrinfo
                    socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more)
                    urllib.request.urlopen("https://\(name):\(port)/", context=ssl._create_unverified_context()).read()
                    """
                return [python, "-c", script]
            }
        }

        @Test("git", .having("git", "openssl"))
        func git() async throws {
            try await expect("git-remote-http", "/usr/lib/git-core/git-remote-http", "GnuTLS", isDirect: false) {
                [
                    "git", "-c", "http.sslVerify=false", "-c", "http.curloptResolve=\($0):\($1):127.0.0.1",
                    "ls-remote", "https://\($0):\($1)/project.git",
                ]
            }
        }

        @Test("Perl's IO::Socket::SSL", .having("perl", "openssl"))
        func perl() async throws {
            try await expect("perl", "/usr/bin/perl", "OpenSSL") { name, port in
                let options = "PeerAddr => '127.0.0.1:\(port)', SSL_hostname => '\(name)', SSL_verify_mode => 0"
                return ["perl", "-MIO::Socket::SSL", "-e", "IO::Socket::SSL->new(\(options)) or die $SSL_ERROR"]
            }
        }

        /// - Parameters:
        ///   - isDirect: Whether the process that asks is the one that is started.
        ///   - command: The client's, for a name and a port.
        private func expect(
            _ comm: String, _ exe: String, _ kind: String, isDirect: Bool = true,
            _ command: (String, Int) -> [String]
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let name = uniqueName("client")
            let program = try await Program.run(command(name, server.port))
            let event = try await tracer.onlyEvent(named: name)
            if isDirect { #expect(event.proc.pid == program.pid) }
            #expect(event.proc.tid == event.proc.pid)
            #expect(event.proc.comm == comm)
            #expect(event.proc.exe == URL(filePath: exe).resolvingSymlinksInPath().path)
            #expect(event.proc.creds.uid == 0)
            #expect(event.library.kind == kind)
            #expect(event.runtime == nil)
        }

        @Test("a client of BoringSSL", .having(Available.boringSSL + "/libssl.so.0", "cc"), arguments: [true, false])
        func boringSSL(runsBefore: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let client = try await workspace.compile(
                Self.boringClient, as: "boring", "-L" + Available.boringSSL, "-l:libssl.so.0", "-l:libcrypto.so.0",
                "-Wl,-rpath," + Available.boringSSL)
            let name = uniqueName("boring")
            let before = runsBefore ? try Program([client, name, "wait"], hasInput: true) : nil
            defer { before?.stop() }
            if let before { try await wait("its start", before) { before.output.contains("ready") } }
            // The folder is not among the loader's, so a program that starts later is only sure to be seen when the
            // file is named.
            let tracer = try await runsBefore ? Tracer() : Tracer("--binary", Available.boringSSL + "/libssl.so.0")
            defer { tracer.stop() }
            let program = try before ?? Program([client, name])
            try before?.say("go")
            #expect(try await program.waitForEnd() == .exited(0))
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect(event.proc.comm == "boring")
            #expect(event.proc.exe == client)
            #expect(event.library.kind == "BoringSSL")
            #expect(event.library.function == "SSL_set_tlsext_host_name")
            #expect(event.connection != nil)
        }

        private static let boringClient = """
            #include <stdio.h>
            const void *TLS_method(void);
            void *SSL_CTX_new(const void *method);
            void *SSL_new(void *context);
            int SSL_set_tlsext_host_name(void *ssl, const char *name);
            int main(int count, char **arguments)
            {
                void *ssl = SSL_new(SSL_CTX_new(TLS_method()));
                if (count > 2) {
                    puts("ready");
                    fflush(stdout);
                    getchar();
                }
                return SSL_set_tlsext_host_name(ssl, arguments[1]) != 1;
            }
            """
    }
}
