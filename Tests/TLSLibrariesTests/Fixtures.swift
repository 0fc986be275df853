import ELFImage
import Foundation

/// Runs tools of the host.
enum Tool {
    static func isInstalled(_ name: String) -> Bool { path(name) != nil }

    private static func path(_ name: String) -> URL? {
        if name.hasPrefix("/") { return URL(filePath: name) }
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
        return folders.map { URL(filePath: "\($0)/\(name)") }.first {
            FileManager.default.isExecutableFile(atPath: $0.path)
        }
    }

    struct Failure: Error {
        let command: [String]
        let status: Int32
    }

    @discardableResult
    static func run(_ command: String...) throws -> String { try run(command) }

    static func run(_ command: [String]) throws -> String {
        let process = Process()
        process.executableURL = path(command[0]) ?? URL(filePath: "/usr/bin/\(command[0])")
        process.arguments = Array(command.dropFirst())
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(command: command, status: process.terminationStatus) }
        return String(decoding: output, as: UTF8.self)
    }

    /// The address of a function that a file defines, as binutils' nm says.
    static func address(of function: String, in path: String) throws -> UInt64? {
        try run("nm", "-D", "--defined-only", "--without-symbol-versions", path).split(separator: "\n").lazy
            .map { $0.split(separator: " ") }
            .first { $0.count == 3 && $0[2] == function }
            .flatMap { UInt64($0[0], radix: 16) }
    }
}

/// Small libraries made by the toolchain's Clang, which writes both architectures.
enum Fixture {
    static let canCompile = Tool.isInstalled("clang") && Tool.isInstalled("ld.lld")

    /// A folder that is gone after `body`.
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.resolvingSymlinksInPath().path)
    }

    /// Compiles C, without any library, into a shared object.
    static func compile(_ code: String, to path: String, _ options: [String] = []) throws {
        let source = path + ".c"
        try Data(code.utf8).write(to: URL(filePath: source))
        try _ = Tool.run(
            ["clang", "-shared", "-fPIC", "-O1", "-nostdlib", "-fuse-ld=lld", "-o", path] + options + [source])
    }

    /// As `compile(_:to:_:)`, and reads the result.
    static func library(_ code: String, _ options: [String] = []) throws -> MemorySource {
        try withFolder { folder in
            try compile(code, to: "\(folder)/library.so", options)
            return try file("\(folder)/library.so")
        }
    }

    static func file(_ path: String) throws -> MemorySource {
        MemorySource(Array(try Data(contentsOf: URL(filePath: path))))
    }
}
