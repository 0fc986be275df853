import Foundation

/// What a PostgreSQL server does up to the TLS handshake; it tells the server name that arrives in it.
final class PostgresServer: Sendable {
    let port: Int
    let program: Program

    private static let script = """
        import socket, ssl, sys
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        context.sni_callback = lambda connection, name, context: print("name", name, flush=True)
        listener = socket.create_server(("127.0.0.1", 0))
        print("port", listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                # SSLRequest, and the answer to it (PostgreSQL's documentation, "Message Formats").
                if connection.recv(8) == bytes.fromhex("0000000804d2162f"):
                    connection.sendall(b"S")
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        pass
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

    /// The server names that arrived, in order.
    var names: [String] {
        program.output.all.filter { $0.hasPrefix("name ") }.map { String($0.dropFirst("name ".count)) }
    }
}
