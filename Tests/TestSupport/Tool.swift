import Foundation

/// Runs tools of the host.
public enum Tool {
    /// - Parameter name: Looked for in PATH.
    public static func isInstalled(_ name: String) -> Bool { path(name) != nil }

    private static func path(_ name: String) -> URL? {
        if name.hasPrefix("/") { return URL(filePath: name) }
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
        return folders.map { URL(filePath: "\($0)/\(name)") }.first {
            FileManager.default.isExecutableFile(atPath: $0.path)
        }
    }

    public struct Failure: Error {
        public let command: [String]
        public let status: Int32
    }

    @discardableResult
    public static func run(_ command: String...) throws -> String { try run(command) }

    /// - Parameter environment: nil: this process's.
    /// - Returns: What it printed.
    /// - Throws: `Failure` where its status is not 0.
    @discardableResult
    public static func run(_ command: [String], environment: [String: String]? = nil) throws -> String {
        let process = Process()
        process.executableURL = path(command[0]) ?? URL(filePath: "/usr/bin/\(command[0])")
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

    /// The address of a function that a file defines, as binutils' nm says.
    /// - Parameter options: Which symbols, by nm's options.
    public static func address(of function: String, in path: String, _ options: String...) throws -> UInt64? {
        try run(["nm", "--defined-only"] + options + [path]).split(separator: "\n").lazy
            .map { $0.split(separator: " ") }
            .first { $0.count == 3 && $0[2] == function }
            .flatMap { UInt64($0[0], radix: 16) }
    }
}

/// A folder that is gone after `body`.
public func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.resolvingSymlinksInPath().path)
}
