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
        self = try OCIBundle(path: path, json: Files.read(file, limit: 16 << 20))
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

    /// The bundle that a command line names: runc's and crun's `--bundle PATH`, conmon's `-b PATH`.
    /// nil where it names none; the bundle then is the working directory of that process.
    /// A relative path is relative to that folder too.
    public static func path(fromCommandLine arguments: [String]) -> String? {
        CommandLineOptions(arguments).last(of: ["--bundle", "-bundle", "-b"])
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
