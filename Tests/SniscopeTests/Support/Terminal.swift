import Foundation

/// A terminal, with somebody at it who types when he has seen something.
enum Terminal {
    struct Session: Decodable {
        let output: String
        /// The program's; that of a signal is negative.
        let status: Int
    }

    /// - Parameter steps: What is waited for on the screen, and what is typed then.
    static func run(_ command: [String], _ steps: [(seen: String, keys: String)]) async throws -> Session {
        let typed = try JSONEncoder().encode(steps.map { [$0.seen, $0.keys] })
        let program = try await Program.run(
            ["/usr/bin/python3", "-c", script, String(decoding: typed, as: UTF8.self)] + command, seconds: 60)
        guard program.end == .exited(0) else { throw Problem("\(program.account)") }
        return try JSONDecoder().decode(Session.self, from: Data(program.output.text.utf8))
    }

    private static let script = """
        import fcntl, json, os, pty, select, struct, sys, termios, time
        steps = json.loads(sys.argv[1])
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
            os.execvp(sys.argv[2], sys.argv[2:])
        output, seen, deadline = b"", 0, time.time() + 40
        while time.time() < deadline:
            if steps and steps[0][0].encode() in output[seen:]:
                seen = len(output)
                os.write(terminal, steps.pop(0)[1].encode())
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                more = os.read(terminal, 4096)
            except OSError:
                break
            if not more:
                break
            output += more
        else:
            os.kill(pid, 9)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"output": output.decode(errors="replace"), "status": status}))
        """
}
