import ArgumentParser
import OS
import Subprocess
import Synchronization
import SystemPackage
import Tracing

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Start a command and trace it and its children; exit with its exit status.",
        discussion: """
            The command keeps its standard input, output and error; rows go to standard error, or to --output-file. \
            Under sudo it runs as the user who called sudo.
            """)

    @OptionGroup(title: "How") var output: OutputOptions
    @OptionGroup(title: "How") var libraries: CatalogOptions
    @OptionGroup(title: "Tracing") var stream: StreamOptions

    @Option(help: ArgumentHelp("Run the command as this user, at a terminal of its own.", valueName: "name"))
    var user: String?

    @Flag(help: "Keep the command from gaining privileges, as by sudo and other set-user-ID programs.")
    var noNewPrivs = false

    @Argument(parsing: .postTerminator, help: "The command, after `--`.")
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("There is no command to run; write it behind two dashes: sniscope run -- curl …")
        }
    }

    func run() async throws {
        let account = try Account.forCommand(named: user)
        let child = ChildCommand(
            arguments: CommandLineBytes.last(command.count), account: account, keepsPrivileges: !noNewPrivs)
        let catalog = try libraries.catalog()
        var options = SessionOptions(catalog: catalog)
        options.cache = try libraries.cache(catalog)
        options.target = .children(command: command[0], environment: Environment.entries)
        let runner = TraceRunner(
            target: try TargetOptions.parse([]).selection(), output: output, stream: stream,
            destination: try stream.destination(standard: .standardError), command: child)
        try await runner.run(options) { session in
            Task {
                await child.run()
                session.stop()
            }
        }
        try child.exit()
    }
}

/// The command of `run`, while it runs and after.
final class ChildCommand: Sendable {
    private enum State {
        /// - Parameter signals: What is to be handed on once it runs.
        case waiting(signals: [Int32])
        case running(pid: Int32)
        case ended(TerminationStatus)
        case failed(CommandFailure)
    }

    private let arguments: [[UInt8]]
    private let account: Account?
    /// Whether it may gain others, by set-user-ID programs.
    private let keepsPrivileges: Bool
    private let state = Mutex(State.waiting(signals: []))

    init(arguments: [[UInt8]], account: Account?, keepsPrivileges: Bool) {
        self.arguments = arguments
        self.account = account
        self.keepsPrivileges = keepsPrivileges
    }

    /// Starts the command and waits for its end.
    func run() async {
        var arguments = arguments
        let options = PlatformOptions()
        var environment = Subprocess.Environment.inherit
        var terminal: PseudoTerminal?
        defer { terminal?.restore() }
        // Not by Subprocess's options: its child calls glibc's setgroups, which waits for every thread that was just
        // starting at the fork, for ever (seen with swift-subprocess 1.0.2). setsid(1) and setpriv(1) become the command.
        var words: [String] = []
        if let account {
            do throws(SystemError) {
                terminal = try PseudoTerminal.replacingStandardStreams(owner: account.uid)
            } catch {
                state.withLock { $0 = .failed(CommandFailure("cannot start the command: \(error)")) }
                return
            }
            let groups = account.groups.map(String.init).joined(separator: ",")
            // In a session of its own it has no terminal but that one.
            words =
                ["setsid"] + (terminal?.isStandardInput == true ? ["--ctty"] : []) + [
                    "setpriv", "--reuid=\(account.uid)", "--regid=\(account.gid)",
                    groups.isEmpty ? "--clear-groups" : "--groups=\(groups)",
                ]
            environment = environment.updating([
                "HOME": account.home, "USER": account.name, "LOGNAME": account.name, "SHELL": account.shell,
            ])
        }
        if !keepsPrivileges { words += (account == nil ? ["setpriv"] : []) + ["--no-new-privs"] }
        if !words.isEmpty { arguments = (words + ["--"]).map { Array($0.utf8) + [0] } + arguments }
        let name = String(decoding: arguments[0].dropLast(), as: UTF8.self)
        do {
            let result = try await Subprocess.run(
                name.contains("/") ? .path(.init(name)) : .name(name),
                arguments: Arguments(
                    executablePathOverride: arguments[0], remainingValues: Array(arguments.dropFirst())),
                environment: environment, platformOptions: options, input: .currentStandardInput,
                output: .currentStandardOutput, error: .currentStandardError
            ) { execution in
                let pid = execution.processIdentifier.value
                let signals = state.withLock { state in
                    defer { state = .running(pid: pid) }
                    if case .waiting(let signals) = state { return signals } else { return [] }
                }
                for signal in signals { send(signal, to: pid) }
            }
            state.withLock { $0 = .ended(result.terminationStatus) }
        } catch {
            let isMissing = (error as? SubprocessError)?.code == .executableNotFound && !Files.exists(name)
            let failure = CommandFailure(
                "cannot start \(name): \(isMissing ? "there is no such program" : "\(error)")",
                status: isMissing ? ExitStatus.notFound : ExitStatus.cannotExecute)
            state.withLock { $0 = .failed(failure) }
        }
    }

    /// Hands on a signal that was sent to sniscope alone. What a terminal sends, it sends to the command too.
    func forward(_ signal: Int32) {
        // One in a session of its own gets nothing from this terminal.
        guard signal == Signals.terminate || signal == Signals.hangUp || account != nil else { return }
        let pid = state.withLock { state -> Int32? in
            switch state {
            case .waiting(let signals): state = .waiting(signals: signals + [signal])
            case .running(let pid): return pid
            case .ended, .failed: break
            }
            return nil
        }
        if let pid { send(signal, to: pid) }
    }

    /// In a session of its own the command is a group of its own, too, once it is there.
    private func send(_ signal: Int32, to pid: Int32) {
        if account != nil, Signals.send(signal, to: -pid) { return }
        Signals.send(signal, to: pid)
    }

    /// Ends this process as a shell would report the command's end.
    func exit() throws {
        switch state.withLock({ $0 }) {
        case .ended(.exited(let code)): throw ExitCode(code)
        case .ended(.signaled(let signal)): throw ExitCode(128 + signal)
        case .failed(let failure): throw failure
        case .waiting, .running: throw CommandFailure("the trace ended before the command did")
        }
    }
}

/// Arguments as bytes: a command's may hold any but NUL.
enum CommandLineBytes {
    /// Each with a NUL behind it, which Subprocess expects of arguments that are bytes.
    static func last(_ count: Int) -> [[UInt8]] {
        guard let bytes = try? Files.read("/proc/self/cmdline", limit: 4 << 20) else {
            return CommandLine.arguments.suffix(count).map { Array($0.utf8) + [0] }
        }
        // A NUL ends each, so the last piece is empty.
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().suffix(count).map { $0 + [0] }
    }
}
