import Foundation

/// A Go program that is one file: no symbols, no C library.
enum GoClient {
    /// Debian's package golang-1.19-go.
    static let go = "/usr/lib/go-1.19/bin/go"

    /// client PORT NAME...: a TLS connection to this machine's PORT for each NAME.
    private static let source = """
        package main

        import (
        \t"crypto/tls"
        \t"os"
        )

        func main() {
        \tfor _, name := range os.Args[2:] {
        \t\tconfig := &tls.Config{ServerName: name, InsecureSkipVerify: true}
        \t\tconnection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], config)
        \t\tif err != nil {
        \t\t\tpanic(err)
        \t\t}
        \t\tconnection.Close()
        \t}
        }
        """

    /// - Returns: The program's path.
    static func compile(in workspace: Workspace) async throws -> String {
        let source = try workspace.write(Self.source, to: "go-client.go")
        let path = workspace.path + "/go-client"
        // What it compiles stays in Go's own cache, which needs a home.
        let home = ProcessInfo.processInfo.environment["HOME"] ?? NSTemporaryDirectory()
        let environment = [
            "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": "-p=2", "HOME": home,
        ]
        let build = try await Program.run(
            [go, "build", "-ldflags", "-s -w", "-o", path, source], environment: environment, seconds: 100)
        guard build.end == .exited(0) else { throw Problem("go build: \(build.account)") }
        return path
    }
}
