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
            // Docker's and Podman's own commands have a "run" too.
            Self.programs.contains(where: program.hasPrefix),
            let command = Self.firstPositional(process.arguments.dropFirst(), flags: Self.globalFlags),
            Self.commands.contains(process.arguments[command])
        else { return nil }
        let rest = Array(process.arguments[(command + 1)...])
        let options = CommandLineOptions([""] + rest)
        guard let id = Self.firstPositional(rest[...], flags: Self.flags) else { return nil }
        self.id = rest[id]
        self.program = program
        bundlePath = process.absolute(options.last(of: ["--bundle", "-bundle", "-b"]) ?? ".")
        root = CommandLineOptions(Array(process.arguments[..<command])).last(of: ["--root", "-root"])
            .map(process.absolute)
    }

    /// The beginnings of what they are called: "runc", "crun-wasm".
    private static let programs = ["runc", "crun", "youki"]
    private static let commands: Set<String> = ["create", "run", "restore"]
    /// Options before the command that stand without a value.
    private static let globalFlags: Set<String> = ["--debug", "-debug", "--systemd-cgroup", "-systemd-cgroup"]
    /// Options of these commands that stand without a value.
    private static let flags: Set<String> = [
        "--detach", "-d", "--no-pivot", "--no-new-keyring", "--no-subreaper", "--keep", "--tcp-established",
        "--ext-unix-sk", "--shell-job", "--lazy-pages", "--file-locks", "--auto-dedup",
    ]

    /// The place of the first argument that is neither an option nor the value of one.
    private static func firstPositional(_ arguments: ArraySlice<String>, flags: Set<String>) -> Int? {
        var index = arguments.startIndex
        while index < arguments.endIndex {
            let argument = arguments[index]
            if argument == "--" { return index + 1 < arguments.endIndex ? index + 1 : nil }
            guard argument.hasPrefix("-") else { return index }
            index += argument.contains("=") || flags.contains(argument) ? 1 : 2
        }
        return nil
    }
}
