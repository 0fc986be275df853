import ELFImage
import TLSLibraries
import TestSupport
import Testing

@Suite("Recognising libraries and placing probes", .enabled(if: Fixture.canCompile, "clang or ld.lld is not installed"))
struct PlacementTests {
    private static let control = "long SSL_ctrl(void *s, int c, long l, void *p) { return c + l; }\n"
    private static let hostName = "int SSL_set_tlsext_host_name(void *s, char *n) { return n[0]; }\n"

    private func inspect(_ code: String, _ options: [String] = [], needed: [String: MemorySource] = [:]) throws
        -> FileReport
    {
        try Inspector(catalog: try .builtin).inspect(try Fixture.library(code, options)) { needed[$0] }
    }

    private func onlyLibrary(_ code: String, _ options: [String] = []) throws -> FoundLibrary {
        let report = try inspect(code, options)
        #expect(report.libraries.count == 1)
        return try #require(report.libraries.first)
    }

    @Test("Functions tell the libraries apart")
    func kinds() throws {
        let mark = "int SSL_CTX_load_verify_mem(void *c, void *b, int l) { return l; }\n"
        #expect(try onlyLibrary(Self.control).kind == "OpenSSL")
        #expect(try onlyLibrary(Self.control + mark).kind == "LibreSSL")
        #expect(try onlyLibrary(Self.hostName).kind == "BoringSSL")
        #expect(try inspect(mark).libraries.isEmpty)
        #expect(try inspect("long SSL_ctrl(void); long user(void) { return SSL_ctrl(); }").libraries.isEmpty)
        #expect(try inspect("long SSL_ctrl = 1;").libraries.isEmpty)
    }

    @Test("Two libraries in one file")
    func twoLibraries() throws {
        let gnuTLS = "int gnutls_server_name_set(void *s, int t, void *n, unsigned long l) { return t; }\n"
        #expect(try inspect(Self.control + gnuTLS).libraries.map(\.kind).sorted() == ["GnuTLS", "OpenSSL"])
    }

    @Test(
        "Landing pads are skipped on both architectures",
        arguments: [
            ("x86_64", ["-fcf-protection=branch"], "endbr64"), ("x86_64", ["-fcf-protection=none"], nil),
            ("aarch64", ["-mbranch-protection=bti"], "bti c"), ("aarch64", ["-mbranch-protection=none"], nil),
        ])
    func landingPads(machine: String, options: [String], pad: String?) throws {
        let report = try inspect(Self.control, ["--target=\(machine)-linux-gnu"] + options)
        #expect(report.machine == machine)
        let point = try #require(report.libraries.first?.functions.first)
        #expect(point.placement == pad.map { "after \($0)" })
        #expect(point.probeOffset == point.fileOffset + (pad == nil ? 0 : 4))
    }

    @Test("Every hash table and no unwind table give the same place", arguments: ["gnu", "sysv", "both"])
    func tables(_ style: String) throws {
        for unwind in [["-funwind-tables"], ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]] {
            let library = try onlyLibrary(
                Self.control, ["--target=x86_64-linux-gnu", "-Wl,--hash-style=\(style)"] + unwind)
            #expect(library.functions.count == 1)
            #expect(library.reason == nil)
        }
    }

    @Test("An alias of the function is the same place: one probe")
    func aliases() throws {
        let code =
            Self.hostName
            + "int other_name(void *s, char *n) __attribute__((alias(\"SSL_set_tlsext_host_name\")));"
        let catalog = try LibraryCatalog.builtin.adding([
            try LibraryDescription.decode(
                json5: """
                    {kind: "Mine", recognise: {defines: ["other_name"]}, functions: [
                      {symbol: "other_name", name: {argument: 1, form: "terminated"}}]}
                    """, file: "mine.json5")
        ])
        let report = try Inspector(catalog: catalog).findLibraries(in: try Fixture.library(code))
        #expect(report.libraries.map(\.kind) == ["BoringSSL", "Mine"])
        #expect(report.libraries.map(\.functions.count) == [1, 0])
        #expect(report.libraries.map(\.reason) == [nil, "other_name is traced as BoringSSL already."])
    }

    @Test("An indirect function is refused")
    func indirect() throws {
        let library = try onlyLibrary(
            """
            static long real(void *s, int c, long l, void *p) { return c; }
            static void *choose(void) { return real; }
            long SSL_ctrl(void *s, int c, long l, void *p) __attribute__((ifunc("choose")));
            """, ["--target=x86_64-linux-gnu"])
        #expect(library.functions.isEmpty)
        #expect(library.reason?.contains("indirect function (IFUNC)") == true)
    }

    @Test(
        "A symbol that points at no code, or into a function, is refused",
        arguments: [
            (".byte 0xcc, 0xcc", "there is no code"), (".byte 0, 0", "there is no code"),
            (".cfi_startproc\nnop\n.globl SSL_ctrl\n.type SSL_ctrl,@function\nSSL_ctrl: ret\n.cfi_endproc", "unwind"),
        ])
    func noFunction(_ body: String, reason: String) throws {
        let label = body.contains("SSL_ctrl") ? "" : ".globl SSL_ctrl\n.type SSL_ctrl,@function\nSSL_ctrl:\n"
        let code = "asm(R\"(.text\n\(label)\(body)\n)\");"
        let library = try onlyLibrary(code, ["--target=x86_64-linux-gnu"])
        #expect(library.functions.isEmpty)
        #expect(library.reason?.contains(reason) == true, "\(library.reason ?? "")")
    }

    @Test("Writable code and other machines are refused")
    func writableAndForeign() throws {
        let writable = try onlyLibrary(Self.control, ["-Wl,--omagic"])
        #expect(writable.functions.isEmpty)
        #expect(writable.reason?.contains("writable") == true)
        let report = try inspect(Self.control, ["--target=i386-linux-gnu"])
        #expect(report.machine == "i386")
        #expect(report.libraries.first?.reason?.contains("for i386") == true)
    }

    @Test("Versions come from the file, else from a needed library, never through a path")
    func versions() throws {
        let text = "const char text[] = \"OpenSSL 1.1.1w  11 Sep 2023\";\n"
        #expect(try onlyLibrary(Self.control + text).version == "1.1.1w")
        #expect(try onlyLibrary(Self.control + "const char text[] = \"OpenSSL is here\";\n").version == nil)
        let help = "const char help[] = \"enable OpenSSL 3.0 legacy provider\";\n"
        #expect(try onlyLibrary(Self.control + help + text).version == "1.1.1w")
        #expect(try onlyLibrary(Self.control + help).version == "3.0")
        for (end, version) in [("", "3.0.9"), (")", "3.0.9"), ("/ssl", "3.0.9"), (",", nil)] {
            let text = "const char text[] = \"OpenSSL 3.0.9\(end)\";\n"
            #expect(try onlyLibrary(Self.control + text).version == version, "\(end)")
        }
        try withFolder { folder in
            let crypto = "\(folder)/libcrypto-12ab.so.3"
            try Fixture.compile(text, to: crypto, ["-Wl,-soname,libcrypto-12ab.so.3"])
            let sibling = try Fixture.file(crypto)
            let named = try inspect(Self.control, [crypto], needed: ["libcrypto-12ab.so.3": sibling])
            #expect(named.libraries.first?.version == "1.1.1w")
            try Fixture.compile(text, to: crypto, ["-Wl,-soname,../libcrypto.so"])
            let path = try inspect(Self.control, [crypto], needed: ["../libcrypto.so": sibling])
            #expect(path.libraries.map(\.version) == [nil])
        }
    }
}
