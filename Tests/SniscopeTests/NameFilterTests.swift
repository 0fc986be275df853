import Foundation
import Testing

extension EndToEnd {
    /// The closing line counts the calls that left the kernel, and says beside it how many of them were shown where those
    /// are fewer.
    @Suite("Names that are wanted", .asRoot, .having("cc"))
    struct NameFilters {
        /// Has a program ask for names while a trace with this list is on.
        /// - Parameter keepsDots: Whether the library sends dots at the end.
        /// - Returns: The names that were shown, and the closing line.
        private func trace(
            _ list: String, keepsDots: Bool = true, _ commands: [String]
        ) async throws -> (names: [String?], closing: String) {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await OwnLibrary(in: workspace, keepsDots: keepsDots)
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library.path)
            defer { caller.stop() }
            let tracer = try await Tracer(
                options: ["--binary", library.path, "--name", list] + library.options)
            defer { tracer.stop() }
            for command in commands { try await caller.tell(command) }
            let events = try await tracer.finish()
            return (events.map(\.name), tracer.program.errors.all.last { $0.contains(" lost") } ?? "")
        }

        struct Case: CustomTestStringConvertible, Sendable {
            let list: String
            let names: [String]
            let shown: [String]
            var testDescription: String { list }

            init(_ list: String, _ names: [String], shown: [String]) {
                (self.list, self.names, self.shown) = (list, names, shown)
            }
        }

        private static let long = String(repeating: "x", count: 57)

        @Test(
            "the kernel drops what comparisons decide",
            arguments: [
                Case(
                    "www.a.test", ["www.a.test", "www.a.tes", "www.a.testx", "xwww.a.test", "w", "www-a.test"],
                    shown: ["www.a.test"]),
                Case("www*", ["www", "www.a.test", "ww", "www.", "xwww", "w"], shown: ["www", "www.a.test", "www."]),
                Case(
                    "*.a.test", ["www.a.test", ".a.test", "a.test", "www.a.testx", "b"],
                    shown: ["www.a.test", ".a.test"]),
                Case("*.A.Test,WWW*", ["X.a.tEST", "wWw.b", "x.@.test", "x.a.test2"], shown: ["X.a.tEST", "wWw.b"]),
                // What comes before and behind the letters.
                Case("\\[@`{z*", ["[@`{z", "[@`{Z1", "{@`{z", "[``{z", "[@@{z", "[@`[z"], shown: ["[@`{z", "[@`{Z1"]),
                Case(
                    "!*.ads.test", ["x.ads.test", "X.ADS.test", "ads.test", "a.test"], shown: ["ads.test", "a.test"]),
                Case("*.test,!a*,!b.test", ["a.test", "b.test", "c.test", "c.tes"], shown: ["c.test"]),
                Case(
                    "*.\(long).test",
                    ["a.\(long).test", "a.y\(long.dropFirst()).test", "\(long).test", "a.\(long).tesT"],
                    shown: ["a.\(long).test", "a.\(long).tesT"]),
                Case("*", ["a", "b"], shown: ["a", "b"]),
                Case("!*", ["a", "b"], shown: []),
                Case(
                    (1...16).map { "n\($0)" }.joined(separator: ","), ["n1", "n16", "n17", "n"], shown: ["n1", "n16"]),
            ])
        func decided(test: Case) async throws {
            let (names, closing) = try await trace(test.list, test.names.map { "name \($0)" })
            #expect(names == test.shown)
            let count = test.shown.count
            let line = "\(count) server name\(count == 1 ? "" : "s"), 0 lost"
            #expect(count == 0 ? closing.hasPrefix(line) && !closing.contains(" shown") : closing == line)
        }

        @Test(
            "what they don't is decided here",
            arguments: [
                Case("a*,b?.test", ["a", "b1.test", "c"], shown: ["a", "b1.test"]),
                Case("*.a.*", ["x.a.test", "a.test"], shown: ["x.a.test"]),
                Case((1...17).map { "n\($0)" }.joined(separator: ","), ["n1", "n17", "n18"], shown: ["n1", "n17"]),
                Case("*\(long).long.test", ["a.\(long).long.test", "b"], shown: ["a.\(long).long.test"]),
                Case("é*", ["é.test", "e.test"], shown: ["é.test"]),
            ])
        func undecided(test: Case) async throws {
            let (names, closing) = try await trace(test.list, test.names.map { "name \($0)" })
            #expect(names == test.shown)
            #expect(closing.contains("\(test.names.count) server names, 0 lost, \(test.shown.count) shown"))
        }

        @Test("an exclusion is decided in the kernel beside a pattern that is not")
        func mixture() async throws {
            let (names, closing) = try await trace(
                "*.a.*,!x.*", ["x.a.test", "y.a.test", "y.b.test"].map { "name \($0)" })
            #expect(names == ["y.a.test"])
            #expect(closing == "2 server names, 0 lost, 1 shown")
        }

        @Test("dots at the end that the library does not send")
        func trailingDots() async throws {
            let commands = ["a.test", "a.test.", "a.test...", "b.test.", "c.test", "c.test."].map { "name \($0)" }
            let (sent, closing) = try await trace("a.test,*c.test", keepsDots: false, commands)
            #expect(sent == ["a.test", "a.test", "a.test", "c.test", "c.test"])
            #expect(closing == "6 server names, 0 lost, 5 shown")
            #expect(try await trace("!a.test", keepsDots: false, commands).names == ["b.test", "c.test", "c.test"])
            #expect(try await trace("a.test", commands).names == ["a.test"])
            #expect(try await trace("*test.", commands).names == ["a.test.", "b.test.", "c.test."])
        }

        @Test("a name that is cut off passes to where the pattern is read as a glob")
        func truncated() async throws {
            let name = "long." + String(repeating: "x", count: 300)
            let commands = ["name \(name)", "name other"]
            let (names, closing) = try await trace("long.*", commands)
            #expect(names == [String(name.prefix(255))])
            #expect(closing == "1 server name, 0 lost")
            let (none, unshown) = try await trace("*y", commands)
            #expect(none.isEmpty)
            #expect(unshown.hasPrefix("1 server name, 0 lost, 0 shown"))
        }

        @Test("bytes that are no text")
        func bytes() async throws {
            // A lone continuation byte.
            let (names, _) = try await trace("*.test", ["hex 80" + "2e74657374", "hex 2e74657374" + "80"])
            #expect(names == ["\u{fffd}.test"])
            #expect(try await trace("\u{fffd}*", ["hex 8061", "name b"]).names == ["\u{fffd}a"])
        }

        @Test("a flood of other names costs nothing")
        func flood() async throws {
            let (names, closing) = try await trace(
                "wanted.test", ["burst 200000 other.test", "name wanted.test", "burst 200000 wanted.tes"])
            #expect(names == ["wanted.test"])
            #expect(closing == "1 server name, 0 lost")
        }
    }
}
