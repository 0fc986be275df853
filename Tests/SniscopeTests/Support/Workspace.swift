import Foundation
import Testing

/// What this host has, for tests that need it.
enum Available {
    static let isRoot = geteuid() == 0
    static let boringSSL = "/usr/lib/x86_64-linux-gnu/android"

    /// - Parameter names: Programs in `PATH`, or paths.
    static func tools(_ names: [String]) -> Bool {
        names.allSatisfy { name in
            if name.hasPrefix("/") { return FileManager.default.fileExists(atPath: name) }
            let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
            return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Probes in the kernel.
    static var asRoot: Self { .enabled(if: Available.isRoot, "tracing needs root") }

    static func having(_ tools: String...) -> Self {
        .enabled(if: Available.tools(tools), "this host has not all of: \(tools.joined(separator: ", "))")
    }
}

/// A folder that is gone with `remove`.
struct Workspace {
    let path: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appending(path: "sniscope-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        path = folder.path
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// - Returns: The file's path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }

    @discardableResult
    func copy(_ file: String, as name: String) throws -> String {
        try FileManager.default.copyItem(
            at: URL(filePath: file).resolvingSymlinksInPath(), to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }

    /// Compiles C.
    /// - Returns: The result's path.
    func compile(_ code: String, as name: String, _ options: String...) async throws -> String {
        try await compile(code, as: name, options)
    }

    func compile(_ code: String, as name: String, _ options: [String]) async throws -> String {
        let source = try write(code, to: name + ".c")
        let result = "\(path)/\(name)"
        let program = try await Program.run(["cc", "-O1", "-Wall", "-o", result, source] + options + ["-ldl"])
        guard program.end == .exited(0) else { throw Problem("cc \(source): \(program.account)") }
        return result
    }
}

/// A server name that no other test uses.
func uniqueName(_ prefix: String) -> String {
    "\(prefix)-\(UUID().uuidString.prefix(8).lowercased()).test"
}

/// The path of the host's shared library, links followed.
func libraryPath(_ name: String) async throws -> String {
    let cache = try await Program.check("sh", "-c", "PATH=$PATH:/sbin:/usr/sbin ldconfig -p")
    let line = try #require(cache.split(separator: "\n").first { $0.contains("\t\(name) ") }, "no \(name) on this host")
    let path = String(try #require(line.split(separator: " ").last))
    return URL(filePath: path).resolvingSymlinksInPath().path
}
