import Foundation
import Testing

extension EndToEnd {
    @Suite("trace at a terminal", .asRoot, .having("cc", "/usr/bin/python3", "stty"))
    struct TraceTerminal {
        /// Traces one library, while somebody types what a program that calls it is to do; the terminal has 80 columns,
        /// and once the program has ended 140, and another one does what is typed.
        /// - Parameter keys: What is typed once a row has come.
        /// - Returns: The lines on the screen, without what the two programs say.
        private func trace(_ options: [String] = [], typing keys: [String], then last: String) async throws -> [String]
        {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let caller = try await Caller.compile(in: workspace)
            let tracer = ([Sniscope.path, "trace", "-q", "--binary", library] + options).joined(separator: " ")
            let session = try await Terminal.run(
                [
                    "sh", "-c",
                    "stty -echo cols 80; \(tracer) & \(caller); stty cols 140; echo AGAIN; \(caller); kill $!; wait",
                ],
                [("NAME", "load \(library)\r" + keys[0] + "\r")] + keys.dropFirst().map { ("OpenSSL", $0 + "\r") }
                    + [("OpenSSL", "exit\r"), ("AGAIN", "load \(library)\r\(last)\r"), ("OpenSSL", "exit\r")])
            #expect(session.status == 0, "\(session)")
            return session.output.split(whereSeparator: \.isNewline).map(String.init).filter {
                $0.contains("NAME") || $0.contains("OpenSSL")
            }
        }

        private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

        private let longName = String(repeating: "label.", count: 16) + "example"

        @Test("columns come once a row needs them, and follow the terminal's width; a name is whole")
        func adapts() async throws {
            let lines = try await trace(
                typing: ["name \(longName)", "thread other.example"], then: "name wide.example")
            let few = ["PID", "COMM", "NAME", "LIBRARY"]
            let all = ["PID", "TID", "COMM", "NAME", "LIBRARY"]
            guard lines.count == 6 else { throw Problem(lines.joined(separator: "\n")) }
            #expect([0, 2, 4].map { words(lines[$0]) } == [few, all, all])
            #expect(words(lines[1]).contains(longName))
            #expect(words(lines[3]).contains("other.example"))
            #expect(words(lines[5]).contains("wide.example"))
            #expect(lines[2].count < 80 && lines[4].count > 80)
        }

        @Test("--truncate: no line is wider than the terminal")
        func truncates() async throws {
            let lines = try await trace(["--truncate"], typing: ["name \(longName)"], then: "name \(longName)")
            guard lines.count == 4 else { throw Problem(lines.joined(separator: "\n")) }
            #expect(lines[1].count <= 80 && lines[1].contains("…"))
            #expect(lines[3].count <= 140 && lines[3].count > lines[1].count)
        }
    }
}
