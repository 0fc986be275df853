import Foundation

/// `openssl s_server -www` on loopback.
final class TLSServer: Sendable {
    let port: Int
    private let program: Program

    /// Waits until it listens.
    init(in workspace: Workspace) async throws {
        let identity = try await workspace.identity()
        (program, port) = try await Program.server(
            [
                "openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", identity.certificate, "-key",
                identity.key,
            ], portBehind: "ACCEPT 127.0.0.1:")
    }

    func stop() {
        program.stop()
    }
}

extension Program {
    /// Starts a server, and waits until it says on which port it listens.
    /// - Parameter prefix: What its line begins with.
    static func server(_ command: [String], portBehind prefix: String) async throws -> (Program, port: Int) {
        let program = try Program(command)
        do {
            let port = try await wait("the port of \(command[0])", program) {
                program.output.all.first { $0.hasPrefix(prefix) }.flatMap { Int($0.dropFirst(prefix.count)) }
            }
            return (program, port)
        } catch {
            program.stop()
            throw error
        }
    }
}

extension Workspace {
    /// The files of a key and a certificate for a server.
    func identity() async throws -> (key: String, certificate: String) {
        let (key, certificate) = ("\(path)/key.pem", "\(path)/certificate.pem")
        try await Program.check(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost")
        return (key, certificate)
    }
}
