import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite(
        ".NET asks through OpenSSL", .asRoot, .having("mcs", "openssl"), .havingFiles("dotnet", "psycopg2-openssl1.1"))
    struct DotNet {
        private static let client = """
            using System.Net.Security;
            using System.Net.Sockets;
            static class Client {
                static void Main(string[] arguments) {
                    var connection = new TcpClient("127.0.0.1", int.Parse(arguments[0]));
                    var stream = new SslStream(connection.GetStream(), false, (sender, name, chain, errors) => true);
                    stream.AuthenticateAsClient(arguments[1]);
                }
            }
            """

        @Test("SslStream: its native call and OpenSSL's below are one event")
        func sslStream() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let runtime = TestFiles.folder("dotnet") + "/dotnetcore2/bin"
            let client = try await compile(in: workspace, runtime)
            // This version wants OpenSSL 1.1, by that name.
            let library = try TestFiles.file("libssl-", of: "psycopg2-openssl1.1")
            let libraries = URL(filePath: library).deletingLastPathComponent().path
            try FileManager.default.createSymbolicLink(
                atPath: workspace.path + "/libssl.so.1.1", withDestinationPath: library)
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("dotnet")
            let program = try await Program.run(
                [runtime + "/dotnet", client, "\(server.port)", name],
                environment: [
                    "LD_LIBRARY_PATH": "\(workspace.path):\(libraries)", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
                ])
            #expect(program.end == .exited(0), "\(program.account)")
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect(event.proc.exe == runtime + "/dotnet")
            #expect(event.library.kind == "OpenSSL")
            #expect(event.library.version?.hasPrefix("1.1.1") == true)
            #expect(event.library.function == "SSL_ctrl")
        }

        /// - Returns: The program's path; it lies with what tells `dotnet` how to run it.
        private func compile(in workspace: Workspace, _ runtime: String) async throws -> String {
            let source = try workspace.write(Self.client, to: "client.cs")
            try workspace.write(
                #"{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}}}"#,
                to: "client.runtimeconfig.json")
            let assemblies = [
                "System.Private.CoreLib", "System.Runtime", "System.Net.Security", "System.Net.Sockets",
                "System.Security.Cryptography.X509Certificates", "System.ComponentModel.Primitives",
            ].map { "-r:\(runtime)/shared/Microsoft.NETCore.App/3.1.23/\($0).dll" }
            let client = workspace.path + "/client.dll"
            try await Program.check(["mcs", "-nostdlib", "-noconfig", "-out:\(client)", source] + assemblies)
            return client
        }
    }
}
