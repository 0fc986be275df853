internal import Processes

/// The command line of an OCI runtime that makes a container: `runc --root DIR create --bundle DIR ID`.
/// runc, crun and youki take the same (opencontainers/runtime-tools, docs/command-line-interface.md).
public struct OCIInvocation: Sendable, Equatable {
    /// Of the container.
    public let id: String
    /// Absolute; the working folder where the command line names none.
    public let bundlePath: String
    /// "runc", "crun": the program's own name.
    public let program: String
    /// Where it keeps the state of its containers; nil: its default.
    public let root: String?

    /// - Returns: nil for a process that is no OCI runtime at making a container.
    public init?(_ process: RuntimeProcess) {
        guard let program = process.arguments.first?.split(separator: "/").last.map(String.init),
            let command = process.arguments.dropFirst().firstIndex(where: Self.commands.contains)
        else { return nil }
        let rest = Array(process.arguments[(command + 1)...])
        let options = CommandLineOptions([""] + rest)
        guard let id = Self.positional(rest) else { return nil }
        self.id = id
        self.program = program
        bundlePath = process.absolute(options.last(of: ["--bundle", "-bundle", "-b"]) ?? ".")
        root = CommandLineOptions(Array(process.arguments[..<command])).last(of: ["--root", "-root"])
            .map(process.absolute)
    }

    private static let commands: Set<String> = ["create", "run", "restore"]
    /// Options of these commands that stand without a value.
    private static let flags: Set<String> = [
        "--detach", "-d", "--no-pivot", "--no-new-keyring", "--no-subreaper", "--keep", "--tcp-established",
        "--ext-unix-sk", "--shell-job", "--lazy-pages", "--file-locks", "--auto-dedup",
    ]

    /// The only argument that is neither an option nor the value of one.
    private static func positional(_ arguments: [String]) -> String? {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" { return rest.first }
            guard argument.hasPrefix("-") else { return argument }
            if !argument.contains("=") && !flags.contains(argument) { _ = rest.popFirst() }
        }
        return nil
    }
}
