import Foundation

/// A TLS server on loopback that tells the server name of each handshake, and answers whatever is asked for.
final class NameServer: Sendable {
    let port: Int
    let program: Program

    private static let script = """
        import socket, ssl, sys, threading
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # BusyBox signs with SHA-1.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        context.sni_callback = lambda connection, name, context: print("name", name, flush=True)
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        print("port", listener.getsockname()[1], flush=True)
        def answer(connection):
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as stream:
                        if stream.recv(65536):
                            stream.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 3\\r\\nConnection: close\\r\\n\\r\\nOK\\n")
                            stream.unwrap()
                except OSError:
                    pass
        while True:
            threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()
        """

    /// Waits until it listens.
    init(in workspace: Workspace) async throws {
        let identity = try await workspace.identity()
        (program, port) = try await Program.server(
            ["/usr/bin/python3", "-c", Self.script, identity.certificate, identity.key], portBehind: "port ")
    }

    func stop() {
        program.stop()
    }

    /// How many handshakes have asked for the name.
    func count(of name: String) -> Int {
        program.output.all.count { $0 == "name \(name)" }
    }
}
