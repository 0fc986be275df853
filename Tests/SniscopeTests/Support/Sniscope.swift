import Foundation
import Testing

/// The program under test, built beside the tests where none is named.
enum Sniscope {
    /// An optimised build is twenty times as fast at looking into a new container.
    static let path =
        ProcessInfo.processInfo.environment["SNISCOPE_TEST_PROGRAM"]
        ?? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path + "/sniscope"

    /// Runs it to its end.
    static func run(
        _ arguments: String..., environment: [String: String] = [:], seconds: Double = 20
    ) async throws -> Program {
        try await Program.run([path] + arguments, environment: environment, seconds: seconds)
    }

    /// Runs it as root in a mount namespace of its own, after the shell commands that prepare it.
    static func run(after preparation: String, _ arguments: String..., seconds: Double = 20) async throws -> Program {
        try await Program.run(inOwnMounts(after: preparation, [path] + arguments), seconds: seconds)
    }
}

/// The command in a mount namespace of its own; its process stays the one that is started.
func inOwnMounts(after preparation: String, _ command: [String]) -> [String] {
    ["unshare", "-m", "sh", "-ec", preparation + #"; exec "$@""#, "sh"] + command
}

/// A `sniscope trace -o json`, or one with other output, that is ready.
final class Tracer: Sendable {
    let program: Program

    /// Waits until it traces.
    convenience init(
        _ arguments: String..., output: String? = "json", command: [String] = [Sniscope.path, "trace"]
    ) async throws {
        try await self.init(options: arguments, output: output, command: command)
    }

    init(
        options arguments: [String], output: String? = "json", command: [String] = [Sniscope.path, "trace"]
    ) async throws {
        program = try Program(command + (output.map { ["-o", $0] } ?? []) + arguments)
        do {
            _ = try await readiness
        } catch {
            program.stop()
            throw error
        }
    }

    /// The line that says so.
    var readiness: String {
        get async throws {
            try await wait("the line that begins with Tracing", program) {
                if let end = program.end { throw Problem("sniscope ended: \(end)\n\(program.account)") }
                return program.errors.all.first { $0.hasPrefix("Tracing") }
            }
        }
    }

    /// Waits until all that ran before is looked into: no probe of other files comes later.
    func complete() async throws {
        try await wait("the line that begins with Tracing and leaves no file over", program) {
            program.errors.all.contains { $0.hasPrefix("Tracing") && !$0.contains("still to be looked into") }
        }
    }

    func stop() {
        program.stop()
    }

    /// Waits for the first event with that name.
    @discardableResult
    func event(named name: String) async throws -> Event {
        try await wait("an event named \(name)", program) { try events(named: name).first }
    }

    /// Waits for a line on standard error.
    func notice(containing text: String) async throws {
        try await wait("'\(text)' on standard error", program) { program.errors.contains(text) }
    }

    func events(named name: String) throws -> [Event] {
        try program.output.all.filter { $0.contains("\"\(name)\"") }.map { try Event(json: $0) }.filter {
            $0.name == name
        }
    }

    /// Ends it in order, as ctrl-C does: what was captured is written by then.
    @discardableResult
    func finish() async throws -> [Event] {
        program.signal(SIGINT)
        let end = try await program.waitForEnd()
        #expect(end == .exited(0), "\(program.account)")
        return try Event.all(program.output.all)
    }

    /// Waits for that name, ends in order and returns the only event that has it.
    func onlyEvent(
        named name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Event {
        try await event(named: name)
        let events = try await finish().filter { $0.name == name }
        #expect(events.count == 1, "every call is one event", sourceLocation: sourceLocation)
        return try #require(events.first)
    }
}

extension Program {
    /// The process of sniscope's that works: the one that was started waits for it.
    func worker() throws -> Int32 {
        let children = try children(of: pid)
        guard children.count == 1 else { throw Problem("sniscope has \(children.count) workers\n\(account)") }
        return children[0]
    }
}

/// The processes that another one has started, and has not been told the end of.
func children(of pid: Int32) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").flatMap { thread in
        // A thread that has ended has left its children to another.
        let children = try? String(contentsOfFile: "/proc/\(pid)/task/\(thread)/children", encoding: .utf8)
        return (children ?? "").split(separator: " ").compactMap { Int32($0) }
    }
}
