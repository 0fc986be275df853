import Foundation
import Testing

extension EndToEnd {
    @Suite("Names: long, odd, and where the app keeps them", .asRoot, .having("cc"))
    struct Names {
        /// Traces one library while a program that has loaded it does what `body` tells it.
        private func trace(
            library name: String = "libssl.so.3", _ body: (Caller, Tracer, Workspace) async throws -> Void
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath(name), as: name)
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            try await body(caller, tracer, workspace)
        }

        @Test("255 bytes are whole, more are cut and marked")
        func long() async throws {
            try await trace { caller, tracer, _ in
                let start = uniqueName("long") + "."
                let names = [255, 256, 300].map { start + String(repeating: "x", count: $0 - start.utf8.count) }
                for name in names { try await caller.tell("name \(name)") }
                let end = uniqueName("end")
                try await caller.tell("name \(end)")
                try await tracer.event(named: end)
                let events = try await tracer.finish().filter { $0.name?.hasPrefix(start) == true }
                #expect(events.map(\.name) == Array(repeating: names[0], count: 3))
                #expect(events.map(\.nameTruncated) == [nil, true, true])
            }
        }

        @Test("on pages that nobody has touched: a literal in .rodata, and across two pages")
        func untouched() async throws {
            try await trace { caller, tracer, workspace in
                let crossing = uniqueName("crossing")
                try await caller.tell("crossing \(crossing)")
                try await tracer.event(named: crossing)

                let literal = uniqueName("literal")
                // The kernel maps pages around the one that is touched, some 64 KB.
                let program = try await workspace.compile(
                    """
                    #include <openssl/ssl.h>
                    static const struct { char before[1 << 20], name[1 << 20]; } text = { "x", "\(literal)" };
                    int main(void)
                    {
                        SSL *ssl = SSL_new(SSL_CTX_new(TLS_method()));
                        SSL_set_tlsext_host_name(ssl, text.name);
                        return 0;
                    }
                    """, as: "literal", "-l:libssl.so.3", "-l:libcrypto.so.3")
                let loader = ["LD_LIBRARY_PATH": workspace.path]
                #expect(try await Program.run([program], environment: loader).end == .exited(0))
                let events = try await tracer.event(named: literal)
                #expect(events.proc.comm == "literal")
                #expect(try await tracer.finish().allSatisfy { $0.nameUnreadable == nil })
            }
        }

        @Test("bytes that are no text: repaired in JSON, escaped in columns")
        func bytes() async throws {
            try await trace { caller, tracer, workspace in
                let table = try await Tracer("--pid", "\(caller.pid)", output: nil)
                defer { table.stop() }
                let end = uniqueName("end")
                // "a", ESC "[31m", a lone continuation byte, LF, DEL, C1's CSI, a right-to-left override, "z".
                try await caller.tell("hex 611b5b33316d80" + "0a7f" + "c29b" + "e280ae" + "7a")
                try await caller.tell("name \(end)")
                try await tracer.event(named: end)
                let name = try #require(try await tracer.finish().first?.name)
                #expect(name == "a\u{1b}[31m\u{fffd}\n\u{7f}\u{9b}\u{202e}z")
                try await wait("the row", table.program) { table.program.output.contains(end) }
                let rows = table.program.output.all
                #expect(rows.count == 3, "a line feed in a name makes no row")
                let scalars = rows.joined().unicodeScalars
                #expect(!scalars.contains { "\u{1b}\u{7f}\u{9b}\u{202e}".unicodeScalars.contains($0) })
                #expect(rows.count > 1 && rows[1].contains("[31m"))
            }
        }

        @Test("a call that clears the name asks for none")
        func cleared() async throws {
            try await trace { caller, tracer, _ in
                let name = uniqueName("cleared")
                try await caller.tell("clear")
                try await caller.tell("hex 00")
                try await caller.tell("name \(name)")
                try await tracer.event(named: name)
                #expect(try await tracer.finish().map(\.name) == [name])
            }
        }

        @Test("GnuTLS: a length instead of a NUL")
        func length() async throws {
            try await trace(library: "libgnutls.so.30") { caller, tracer, _ in
                let name = uniqueName("length")
                try await caller.tell("length 0 \(name)")
                try await caller.tell("length \(name.utf8.count) \(name)and-more")
                let event = try await tracer.event(named: name)
                #expect(event.library.kind == "GnuTLS")
                #expect(event.library.function == "gnutls_server_name_set")
                let long = name + String(repeating: "y", count: 300)
                try await caller.tell("length 300 \(long)")
                let events = try await wait("the long one", tracer.program) {
                    let events = try Event.all(tracer.program.output.all)
                    return events.count > 1 ? events : nil
                }
                #expect(events[1].name == String(long.prefix(255)))
                #expect(events[1].nameTruncated == true)
                #expect(try await tracer.finish().count == 2)
            }
        }
    }
}
