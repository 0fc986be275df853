import Foundation
import Testing

extension EndToEnd {
    @Suite("run: a command, traced from its first call on", .asRoot, .having("cc"))
    struct RunCommand {
        @Test(
            "its exit status is the command's",
            arguments: [
                ("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137),
            ] as [(String, Int32)])
        func status(script: String, expected: Int32) async throws {
            let program = try await Sniscope.run("run", "--", "sh", "-c", script)
            #expect(program.end == .exited(expected), "\(program.account)")
        }

        @Test("126 and 127 where the command can't be started")
        func cannotStart() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let text = try workspace.write("text", to: "text")
            let commands: [(String, Int32)] = [
                (text, 126), (workspace.path, 126), (workspace.path + "/missing", 127), ("no-such-command", 127),
            ]
            for (command, status) in commands {
                let program = try await Sniscope.run("run", "--", command)
                #expect(program.end == .exited(status), "\(command)\n\(program.account)")
                #expect(program.errors.contains(command))
            }
        }

        @Test("standard input and output are the command's, rows go to standard error")
        func streams() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await libraryPath("libssl.so.3")
            let (name, other) = (uniqueName("run"), uniqueName("other"))
            let outside = try await Caller(path, library: library)
            defer { outside.stop() }
            let program = try Program([Sniscope.path, "run", "--", path], hasInput: true)
            defer { program.stop() }
            try program.say("load \(library)")
            try await wait("the command's answer", program) { program.output.contains("done load") }
            try await outside.tell("name \(other)")
            try program.say("name \(name)")
            try program.closeInput()
            #expect(try await program.waitForEnd() == .exited(0))
            #expect(program.output.all == ["done load \(library)", "done name \(name)"])
            #expect(program.errors.all.count { $0.contains(name) } == 1)
            #expect(!program.errors.contains(other), "only what the command and its children ask for")
            #expect(program.errors.contains("1 server name, 0 lost"))
        }

        @Test("the first call of a grandchild, in a file of mode 0600", .having("openssl"))
        func descendants() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await libraryPath("libssl.so.3")
            let names = (0..<5).map { _ in uniqueName("child") }
            let file = workspace.path + "/names.json"
            let script = """
                library=$1 path=$2
                shift 2
                for name; do (printf 'load %s\\nname %s\\nexit\\n' $library $name | $path); done
                """
            let program = try await Program.run(
                [
                    Sniscope.path, "run", "-o", "json", "--output-file", file, "--", "sh", "-c", script, "sh", library,
                    path,
                ]
                    + names)
            #expect(program.end == .exited(0), "\(program.account)")
            let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
            #expect(try Event.all(rows).map(\.name) == names)
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(!program.errors.contains(names[0]))
        }

        @Test("a command's very first call", .having("curl"), arguments: ["multi", "perf"])
        func firstCall(method: String) async throws {
            let name = uniqueName("first")
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let program = try await Sniscope.run(
                "run", "--attach", method, "--", "curl", "-sk", "--resolve", "\(name):\(server.port):127.0.0.1",
                "https://\(name):\(server.port)/")
            #expect(program.end == .exited(0), "\(program.account)")
            #expect(program.errors.all.count { $0.contains(name) } == 1, "\(program.account)")
        }

        @Test("signals reach the command", arguments: [SIGTERM, SIGHUP])
        func signals(number: Int32) async throws {
            let script = "trap 'echo got it; exit 5' TERM HUP; echo ready; while :; do read line; done"
            let program = try Program([Sniscope.path, "run", "--", "sh", "-c", script], hasInput: true)
            defer { program.stop() }
            try await wait("the command", program) { program.output.contains("ready") }
            program.signal(number)
            // `read` ends with the signal.
            #expect(try await program.waitForEnd() == .exited(5), "\(program.account)")
            #expect(program.output.all == ["ready", "got it"])
        }

        @Test("under sudo the command runs as the user who called it", .having("id"))
        func sudo() async throws {
            let sudo = ["SUDO_UID": "65534", "SUDO_GID": "65534", "SUDO_USER": "nobody"]
            let script = "id -u; id -g; echo $USER"
            let program = try await Sniscope.run("run", "--", "sh", "-c", script, environment: sudo)
            #expect(program.end == .exited(0), "\(program.account)")
            #expect(program.output.all == ["65534", "65534", "nobody"])
            let chosen = try await Sniscope.run("run", "--user", "daemon", "--", "sh", "-c", script, environment: sudo)
            #expect(chosen.output.all == ["1", "1", "daemon"])
        }

        @Test("arguments pass as they are, bytes that are no UTF-8 too", .having("bash"))
        func arguments() async throws {
            let script = #"exec "$0" run -- printf '%s|' a 'b c' '' $'\xff\xfe' --fields | od -An -c"#
            let program = try await Program.run("bash", "-c", script, Sniscope.path)
            #expect(
                program.output.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                    == "a | b c | | 377 376 | - - f i e l d s |")
        }
    }
}
