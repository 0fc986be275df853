internal import ELFImage

/// Finds the program files that a command line starts, as execvp(3) and the kernel do, before it runs: by `PATH`, from
/// the working directory, through scripts to their interpreters.
///
/// It reads everything through `open`, so that the caller confines it to a container's root. All of its text comes from
/// an image, so it is bounded and not trusted.
public struct ProgramFinder {
    private let path: [String]
    private let workingDirectory: String
    private let open: NeededResolver.Opener

    private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    private static let folderLimit = 64
    /// Words of a command line that are taken for programs.
    private static let wordLimit = 32
    /// Scripts whose interpreter is a script: the kernel follows four (fs/exec.c, `exec_binprm`).
    private static let scriptLimit = 4

    /// - Parameters:
    ///   - path: The variable `PATH`; nil where it is not set.
    ///   - workingDirectory: Absolute.
    ///   - open: Opens an absolute path as the program would see it; nil where there is no file that can be executed.
    public init(path: String?, workingDirectory: String, open: @escaping NeededResolver.Opener) {
        self.path = (path ?? Self.defaultPath).split(separator: ":", omittingEmptySubsequences: false)
            .prefix(Self.folderLimit).map(String.init)
        self.workingDirectory = workingDirectory
        self.open = open
    }

    /// The programs of a command line, each once, the first one first. Any other word may be one too, where the first
    /// starts another program (`docker-init -- PROGRAM`, `sh -c 'exec PROGRAM …'`), and last what scripts among them
    /// name: a probe in a file that nobody runs costs nothing.
    public func programs(startedBy arguments: [String]) -> [String] {
        var words = Array(arguments.prefix(1))
        for argument in arguments.dropFirst() where words.count < Self.wordLimit {
            // What a shell is given is one argument.
            words += argument.split(maxSplits: Self.wordLimit) { $0.isWhitespace || ";&|()".contains($0) }
                .map(String.init).filter { !$0.hasPrefix("-") }
        }
        let found = words.prefix(Self.wordLimit).map(lookUp)
        // A script that can't be read starts nothing.
        let commands = found.compactMap(\.script).prefix(Self.scriptLimit)
            .flatMap { ShellCommands(script: (try? $0.read(at: 0, count: ShellCommands.size)) ?? []).names }
        var seen: Set<String> = []
        return (found.flatMap(\.programs) + commands.prefix(Self.wordLimit).flatMap(programs(named:)))
            .filter { seen.insert($0).inserted }
    }

    /// The program of that name or path; for a script its interpreter, and what `env` as interpreter starts. Empty where
    /// there is none.
    public func programs(named name: String) -> [String] { lookUp(name).programs }

    private func lookUp(_ name: String) -> (programs: [String], script: (any ByteSource)?) {
        var result: [String] = []
        var script: (any ByteSource)?
        var next = find(name)
        for _ in 0...Self.scriptLimit {
            guard let (path, source) = next else { break }
            // A file that can't be read is nothing that the kernel would start.
            let head = (try? source.read(at: 0, count: Shebang.size)) ?? []
            guard let shebang = Shebang(head) else { return (result + [path], script) }
            script = script ?? source
            guard shebang.interpreter.hasSuffix("/env"), let command = shebang.commandOfEnv else {
                // The kernel asks no PATH.
                next = file(at: shebang.interpreter)
                continue
            }
            if let (env, _) = file(at: shebang.interpreter) { result.append(env) }
            next = find(command)
        }
        return (result, script)
    }

    private func find(_ name: String) -> (String, any ByteSource)? {
        guard !name.isEmpty else { return nil }
        guard !name.contains("/") else { return file(at: name) }
        // An empty folder is the working directory.
        return path.lazy.compactMap { file(at: $0.isEmpty ? name : SearchPath.join($0, name)) }.first
    }

    private func file(at path: String) -> (String, any ByteSource)? {
        let absolute = path.hasPrefix("/") ? path : SearchPath.join(workingDirectory, path)
        // As mappings show it; `..` stays, because what it means depends on links.
        let plain = "/" + absolute.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        return open(plain).map { (plain, $0) }
    }
}

/// The first line of a script, as the kernel reads it (fs/binfmt_script.c).
struct Shebang: Equatable {
    /// Bytes that the kernel looks at (`BINPRM_BUF_SIZE`).
    static let size = 256

    let interpreter: String
    /// All that follows, as one argument.
    let argument: String?

    /// Nil where the file is no script, or its interpreter's name is cut off.
    init?(_ head: [UInt8]) {
        guard head.starts(with: Array("#!".utf8)) else { return nil }
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let rest = head.prefix(Self.size).dropFirst(2)
        let line = rest.prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }.drop(while: isBlank)
        let name = line.prefix { !isBlank($0) }
        guard !name.isEmpty, line.endIndex < Self.size || name.count < line.count else { return nil }
        interpreter = String(decoding: name, as: UTF8.self)
        let words = line.dropFirst(name.count).split(whereSeparator: isBlank)
        argument = words.isEmpty ? nil : words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// What `env` starts: its first word that is neither an option nor a variable.
    var commandOfEnv: String? {
        argument?.split(separator: " ").first { !$0.hasPrefix("-") && !$0.contains("=") }.map(String.init)
    }
}
