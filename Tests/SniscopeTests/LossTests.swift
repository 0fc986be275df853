import Foundation
import Testing

extension EndToEnd {
    @Suite("Every call is a row or counted as lost", .asRoot, .having("cc", "setpriv", "bash"))
    struct Loss {
        /// A line of JSON that tells of lost events.
        private struct Row: Decodable {
            struct Share: Decodable {
                let containerName: String?
                let uid: UInt32?
                let count: Int
            }

            let count: Int
            let reason: String
            let shares: [Share]?
        }

        private func losses(_ tracer: Tracer) throws -> [Row] {
            try tracer.program.output.all.filter { $0.hasPrefix(#"{"type":"lost","#) }.map {
                try JSONDecoder().decode(Row.self, from: Data($0.utf8))
            }
        }

        /// Gives `body` a library, and what starts a caller of it as a user.
        private func withLibrary(
            _ body: (_ workspace: Workspace, _ library: OwnLibrary, _ start: (UInt32) async throws -> Caller)
                async throws
                -> Void
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            try await Program.check("chmod", "755", workspace.path)
            let library = try await OwnLibrary(in: workspace)
            let program = try await Caller.compile(in: workspace)
            try await body(workspace, library) { uid in
                try await Caller(
                    command: ["setpriv", "--reuid=\(uid)", "--regid=\(uid)", "--clear-groups", program],
                    library: library.path)
            }
        }

        @Test("a reader that stands still: what finds no room is counted, as the output's loss")
        func slowReader() async throws {
            try await withLibrary { workspace, library, start in
                let made = 200_000
                let go = workspace.path + "/go"
                try await Program.check("mkfifo", go)
                let caller = try await start(4242)
                defer { caller.stop() }
                let tracer = try await Tracer(
                    options: ["--binary", library.path] + library.options,
                    command: [
                        "bash", "-c", #"shift; "$@" | { read -r _ <"$0"; cat; }"#, go, "--", Sniscope.path, "trace",
                    ])
                defer { tracer.stop() }
                let sniscope = try await wait("sniscope", tracer.program) {
                    try children(of: tracer.program.pid).first { pid in
                        let name = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
                        return name == "sniscope\n"
                    }
                }
                defer { kill(sniscope, SIGKILL) }
                let name = uniqueName("slow")
                try await caller.tell("burst \(made) \(name)")
                // It is told what was lost twice a second.
                try await Task.sleep(for: .seconds(1))
                try "go\n".write(toFile: go, atomically: false, encoding: .utf8)
                try await wait("the end of the rows", seconds: 60, tracer.program) {
                    let count = tracer.program.output.all.count
                    try await Task.sleep(for: .seconds(1))
                    return count > 0 && tracer.program.output.all.count == count
                }
                kill(sniscope, SIGINT)
                _ = try await tracer.program.waitForEnd()
                let rows = tracer.program.output.all.count { $0.contains(name) }
                let losses = try losses(tracer)
                let lost = losses.map(\.count).reduce(0, +)
                #expect(rows + lost == made, "\(losses)")
                #expect(rows > 32_768 && lost > 0)
                #expect(losses.allSatisfy { $0.reason == "output too slow" }, "\(losses)")
                #expect(losses.flatMap { $0.shares ?? [] }.allSatisfy { $0.uid == 4242 }, "\(losses)")
                #expect(losses.flatMap { $0.shares ?? [] }.map(\.count).reduce(0, +) == lost, "\(losses)")
                #expect(
                    tracer.program.errors.all.last { $0.contains(" lost") }?
                        .hasPrefix("\(rows) server names, \(lost) lost") == true, "\(tracer.program.account)")
            }
        }

        @Test("a flood costs those who make it their own events; a quiet user keeps all", arguments: [1, 6])
        func flood(floods: Int) async throws {
            try await withLibrary { workspace, library, start in
                let made = 150_000 / floods
                let loud = try await (0..<floods).asyncMap { try await start(5000 + UInt32($0)) }
                defer { for caller in loud { caller.stop() } }
                let quiet = try await start(4242)
                defer { quiet.stop() }
                let tracer = try await Tracer(options: ["--binary", library.path] + library.options)
                defer { tracer.stop() }
                let (quietName, loudName) = (uniqueName("quiet"), uniqueName("loud"))
                try await withThrowingTaskGroup { group in
                    for caller in loud { group.addTask { try await caller.tell("burst \(made) \(loudName)") } }
                    for _ in 0..<50 {
                        try await quiet.tell("name \(quietName)")
                        try await Task.sleep(for: .milliseconds(20))
                    }
                    try await group.waitForAll()
                }
                let events = try await tracer.finish()
                #expect(events.count { $0.name == quietName } == 50)
                let losses = try losses(tracer)
                var sums: [UInt32: Int] = [:]
                for share in losses.flatMap({ $0.shares ?? [] }) { sums[share.uid ?? 0, default: 0] += share.count }
                for event in events where event.name == loudName { sums[event.proc.creds.uid, default: 0] += 1 }
                for user in 0..<floods { #expect(sums[5000 + UInt32(user)] == made, "\(losses)") }
                #expect(events.count + losses.map(\.count).reduce(0, +) == 50 + floods * made, "\(losses)")
            }
        }

        @Test("--comm: a thread whose name is longer than its process's")
        func longThreadName() async throws {
            try await withLibrary { workspace, library, start in
                let caller = try await start(4242)
                defer { caller.stop() }
                let tracer = try await Tracer(
                    options: ["--binary", library.path, "--comm", "caller"] + library.options)
                defer { tracer.stop() }
                let name = uniqueName("thread")
                try await caller.tell("as longer-than-tha \(name)")
                let event = try await tracer.onlyEvent(named: name)
                #expect(event.proc.comm == "longer-than-tha")
            }
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
