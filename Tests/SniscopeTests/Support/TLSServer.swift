import Foundation

/// `openssl s_server -www` on loopback.
final class TLSServer: Sendable {
    let port: Int
    private let program: Program

    /// Waits until it listens.
    init(in workspace: Workspace) async throws {
        let identity = try await workspace.identity()
        let program = try Program([
            "openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", identity.certificate, "-key",
            identity.key,
        ])
        do {
            port = try await wait("the port of openssl s_server", program) {
                let line = program.output.all.first { $0.hasPrefix("ACCEPT 127.0.0.1:") }
                return line.flatMap { Int($0.dropFirst("ACCEPT 127.0.0.1:".count)) }
            }
        } catch {
            program.stop()
            throw error
        }
        self.program = program
    }

    func stop() {
        program.stop()
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
