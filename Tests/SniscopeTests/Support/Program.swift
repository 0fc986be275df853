import Foundation
import Synchronization

/// How a program ended.
enum End: Equatable {
    case exited(Int32)
    case signaled(Int32)
}

/// A program that a test starts; what it writes is collected line by line.
///
/// Not Foundation's `Process`: that one takes a program for running while a child of it is.
final class Program: Sendable {
    let pid: Int32
    let output: Lines
    let errors: Lines
    private let input: FileHandle?
    private let ended = Ended()

    /// - Parameters:
    ///   - command: The first is a path, or a name to look up in `PATH`.
    ///   - environment: Added to the tests' own.
    ///   - hasInput: Whether the test writes to its standard input, which is empty otherwise.
    init(_ command: [String], environment: [String: String] = [:], hasInput: Bool = false) throws {
        let (output, errors, input) = (try Channel(), try Channel(), hasInput ? try Channel() : nil)
        pid = try spawn(
            command, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            input: input?.readEnd, output: output.writeEnd, errors: errors.writeEnd)
        for descriptor in [input?.readEnd, output.writeEnd, errors.writeEnd].compactMap(\.self) { close(descriptor) }
        self.output = Lines(reading: FileHandle(fileDescriptor: output.readEnd, closeOnDealloc: true))
        self.errors = Lines(reading: FileHandle(fileDescriptor: errors.readEnd, closeOnDealloc: true))
        self.input = input.map { FileHandle(fileDescriptor: $0.writeEnd, closeOnDealloc: true) }
        Thread.detachNewThread { [pid, ended] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7f
            ended.end.withLock { $0 = signal == 0 ? .exited(status >> 8 & 0xff) : .signaled(signal) }
        }
    }

    private final class Ended: Sendable {
        let end = Mutex<End?>(nil)
    }

    var end: End? { ended.end.withLock { $0 } }

    /// Writes a line to its standard input.
    func say(_ line: String) throws {
        try input?.write(contentsOf: Data((line + "\n").utf8))
    }

    func closeInput() throws {
        try input?.close()
    }

    func signal(_ number: Int32) {
        if end == nil { kill(pid, number) }
    }

    /// Ends it, if it has not ended by itself: to be deferred by whoever starts it.
    func stop() {
        signal(SIGKILL)
    }

    /// Waits for its end and for all that it writes.
    func waitForEnd(seconds: Double = 20) async throws -> End {
        let end = try await wait("the end of process \(pid)", seconds: seconds, self) { self.end }
        try await wait("the end of the output of process \(pid)", seconds: seconds, self) {
            self.output.isAtEnd && self.errors.isAtEnd
        }
        return end
    }

    /// Runs a program to its end.
    static func run(
        _ command: String..., environment: [String: String] = [:], seconds: Double = 30
    ) async throws -> Program {
        try await run(command, environment: environment, seconds: seconds)
    }

    static func run(
        _ command: [String], environment: [String: String] = [:], seconds: Double = 30
    ) async throws -> Program {
        let program = try Program(command, environment: environment)
        defer { program.stop() }
        _ = try await program.waitForEnd(seconds: seconds)
        return program
    }

    /// As `run`, for what a test stands on.
    @discardableResult
    static func check(_ command: String..., seconds: Double = 30) async throws -> String {
        try await check(command, seconds: seconds)
    }

    @discardableResult
    static func check(_ command: [String], seconds: Double = 30) async throws -> String {
        let program = try await run(command, seconds: seconds)
        guard program.end == .exited(0) else {
            throw Problem("\(command.joined(separator: " ")): \(program.end as Any)\n\(program.account)")
        }
        return program.output.text
    }

    /// What it wrote, for messages.
    var account: String {
        "standard output:\n\(output.all.suffix(10).joined(separator: "\n"))\n"
            + "standard error:\n\(errors.all.suffix(10).joined(separator: "\n"))"
    }
}

/// A pipe that only the program it is made for inherits.
private struct Channel {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Problem("pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }
}

/// - Parameter input: nil: nothing to read.
/// - Returns: The process's id.
private func spawn(
    _ command: [String], environment: [String: String], input: Int32?, output: Int32, errors: Int32
) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
        posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    // As a shell's foreground starts it, whatever these tests were started by.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (all, none) = (sigset_t(), sigset_t())
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let arguments = command.map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var pid: Int32 = 0
    let code = posix_spawnp(&pid, command[0], &actions, &attributes, arguments, variables)
    guard code == 0 else { throw Problem("cannot start \(command[0]): \(String(cString: strerror(code)))") }
    return pid
}

/// What arrives at a pipe, in lines.
final class Lines: Sendable {
    private struct State {
        var lines: [String] = []
        var rest: [UInt8] = []
        var isAtEnd = false

        mutating func add(_ data: Data) {
            for byte in data {
                if byte == UInt8(ascii: "\n") {
                    lines.append(String(decoding: rest, as: UTF8.self))
                    rest.removeAll(keepingCapacity: true)
                } else {
                    rest.append(byte)
                }
            }
        }
    }

    private let state = Mutex(State())

    init(reading handle: FileHandle) {
        Thread.detachNewThread { [self] in
            while true {
                let data = handle.availableData
                if data.isEmpty { break }
                state.withLock { $0.add(data) }
            }
            state.withLock { state in
                if !state.rest.isEmpty { state.lines.append(String(decoding: state.rest, as: UTF8.self)) }
                state.isAtEnd = true
            }
            try? handle.close()
        }
    }

    var all: [String] { state.withLock { $0.lines } }
    var text: String { all.joined(separator: "\n") }
    var isAtEnd: Bool { state.withLock { $0.isAtEnd } }

    func contains(_ text: String) -> Bool {
        all.contains { $0.contains(text) }
    }
}

struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Returns what `probe` does once that is something.
/// - Throws: `Problem` after the deadline, with what the program wrote by then.
func wait<Value>(
    _ what: String, seconds: Double = 20, _ program: Program? = nil, until probe: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if let value = try await probe() { return value }
        guard ContinuousClock.now < deadline else {
            throw Problem("waited \(seconds) seconds in vain for \(what)\n\(program?.account ?? "")")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

func wait(
    _ what: String, seconds: Double = 20, _ program: Program? = nil, until isTrue: () async throws -> Bool
) async throws {
    try await wait(what, seconds: seconds, program) { () async throws -> Void? in try await isTrue() ? () : nil }
}
