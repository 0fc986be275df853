import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "run: a command of another user's at a terminal", .asRoot,
        .having("/usr/bin/python3", "setsid", "setpriv", "ps"))
    struct RunTerminal {
        private let run = [Sniscope.path, "run", "-q", "--user", "nobody", "--"]

        @Test("has a terminal of its own, of the same size, and leaves the other one as it was")
        func own() async throws {
            let command = "echo SIZE $(stty size); echo IDS $(ps -o sid=,pid=,tty= -p $$); echo USER $(id -un)"
            let session = try await Terminal.run(
                [
                    "sh", "-c",
                    "echo OUTER $(tty); stty -a >/tmp/$$; \(quoted(run + ["sh", "-c", command])); stty -a | cmp - /tmp/$$ && echo SAME; rm /tmp/$$",
                ],
                [])
            #expect(session.output.contains("SIZE 33 101"), "\(session)")
            #expect(session.output.contains("USER nobody"))
            let ids = try fields("IDS", session)
            #expect(ids.count == 3 && ids[0] == ids[1], "it leads its session: \(session)")
            #expect(try fields("OUTER", session).first != "/dev/" + ids[2], "\(session)")
            #expect(session.output.contains("SAME"), "\(session)")
        }

        // Not `sleep` behind the shell: dash loses a ctrl-C that comes while it starts one.
        @Test("what is typed goes to it; ctrl-C interrupts it")
        func keys() async throws {
            let session = try await Terminal.run(
                run + ["sh", "-c", "echo READY; read line; echo GOT $line; exec sleep 30"],
                [("READY", "words\r"), ("GOT words", "\u{3}")])
            #expect(session.status == 130, "\(session)")
        }

        @Test("ctrl-C interrupts it where it reads something else")
        func piped() async throws {
            let command = "trap 'echo INTERRUPTED; exit 3' INT; cat; while :; do sleep 0.1; done"
            let session = try await Terminal.run(
                ["sh", "-c", "echo input | \(quoted(run + ["sh", "-c", command]))"], [("input", "\u{3}")])
            #expect(session.output.contains("INTERRUPTED"), "\(session)")
        }

        @Test("ctrl-Z stops it, and a shell lets it go on", .having("bash"))
        func stopped() async throws {
            let session = try await Terminal.run(
                ["bash", "--norc", "--noediting", "-i"],
                [
                    ("# ", "PS1='%% '; \(quoted(run + ["sh", "-c", "echo READY; exec cat"]))\r"),
                    ("READY\r\n", "\u{1A}"),
                    ("Stopped", "ps -o stat= -u nobody\r"), ("Ts+", "fg\r"), ("exec cat'\r\n", "more\r"),
                    ("more\r\nmore", "\u{4}"), ("%% ", "exit 5\r"),
                ])
            #expect(session.status == 5, "\(session)")
        }

        @Test(
            "the command's status and end are told as without a terminal",
            arguments: [("exit 7", 7), ("kill -9 $$", 137)])
        func status(command: String, status: Int) async throws {
            let session = try await Terminal.run(run + ["sh", "-c", command], [])
            #expect(session.status == status, "\(session)")
        }

        @Test("--no-new-privs: set-user-ID programs give it nothing", arguments: [true, false])
        func privileges(isAsked: Bool) async throws {
            let options = isAsked ? ["--no-new-privs"] : []
            for user in [["--user", "nobody"], []] {
                let program = try await Program.run(
                    [Sniscope.path, "run", "-q"] + user + options + ["--", "grep", "NoNewPrivs", "/proc/self/status"])
                #expect(program.output.text == "NoNewPrivs:\t\(isAsked ? 1 : 0)", "\(program.account)")
            }
        }

        private func fields(_ word: String, _ session: Terminal.Session) throws -> [String] {
            let lines = session.output.split(whereSeparator: \.isNewline)
            let line = try #require(lines.first { $0.hasPrefix(word + " ") }, "\(session)")
            return line.split(separator: " ").dropFirst().map(String.init)
        }

        private func quoted(_ command: [String]) -> String {
            command.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        }
    }
}
