internal import OS

/// A container's OCI bundle: what its program will be, known before it runs
/// (OCI runtime specification, config.md).
public struct OCIBundle: Equatable, Sendable {
    public let path: String
    /// The container's root folder on the host; absolute.
    public let rootPath: String
    /// The program and its arguments; empty where the bundle names none.
    public let arguments: [String]
    public let environment: [String]
    /// In the container.
    public let workingDirectory: String
    /// As the runtime was asked: "/docker/ID", or "slice:prefix:name" with systemd.
    public let cgroupsPath: String?
    public let annotations: [String: String]

    /// Reads `path`/config.json.
    /// - Throws: `SystemError`, `StateError`.
    public init(path: String) throws {
        let file = path + "/config.json"
        self = try OCIBundle(path: path, json: Files.readRegular(file, limit: 16 << 20))
    }

    init(path: String, json: [UInt8]) throws(StateError) {
        let config = try JSONFile.decode(Config.self, from: json, of: path + "/config.json")
        self.path = path
        guard let root = config.root?.path else { throw StateError(path + "/config.json", "it has no \"root.path\"") }
        rootPath = root.hasPrefix("/") ? root : path + "/" + root
        arguments = config.process?.args ?? []
        environment = config.process?.env ?? []
        workingDirectory = config.process?.cwd ?? "/"
        cgroupsPath = config.linux?.cgroupsPath
        annotations = config.annotations ?? [:]
    }

    /// Whether a cgroup is that of this bundle's container itself, not one above or below it.
    /// - Parameter path: From the hierarchy's root. It may be longer than the path that was asked for: a runtime that
    ///   is in a cgroup itself can begin there.
    public func owns(cgroup path: String, id: String) -> Bool {
        guard let cgroupsPath, !cgroupsPath.isEmpty else { return Self.isNamed(path, after: id) }
        let parts = cgroupsPath.split(separator: ":", omittingEmptySubsequences: false)
        // "slice:prefix:name" becomes the scope "prefix-name.scope", or with an empty prefix "name.scope" (runc,
        // libcontainer/cgroups/systemd/common.go, getUnitName).
        if parts.count == 3, path.hasSuffix("/" + (parts[1].isEmpty ? "" : parts[1] + "-") + parts[2] + ".scope") {
            return true
        }
        return path == cgroupsPath || path.hasSuffix(cgroupsPath.hasPrefix("/") ? cgroupsPath : "/" + cgroupsPath)
    }

    /// Where a bundle names no cgroup, the runtime names it after the container: "ID", "runc-ID.scope".
    static func isNamed(_ path: String, after id: String) -> Bool {
        guard let last = path.split(separator: "/").last else { return false }
        return last == id || (last.hasSuffix(".scope") && last.dropLast(6).hasSuffix("-" + id))
    }

    /// The container's first process, as the runtime's shim or monitor writes it down before it starts: containerd's
    /// `init.pid`, conmon's `pidfile`.
    public static func initPid(inBundle path: String) -> Int32? {
        for name in ["init.pid", "pidfile"] {
            // Not there yet, or another runtime's bundle.
            guard let text = try? Files.readRegular("\(path)/\(name)", limit: 64) else { continue }
            return Int32(String(decoding: text, as: UTF8.self).filter(\.isNumber))
        }
        return nil
    }

    private struct Config: Decodable {
        struct Root: Decodable { let path: String? }
        struct Process: Decodable {
            let args: [String]?
            let env: [String]?
            let cwd: String?
        }
        struct Linux: Decodable { let cgroupsPath: String? }
        let root: Root?
        let process: Process?
        let linux: Linux?
        let annotations: [String: String]?
    }
}
