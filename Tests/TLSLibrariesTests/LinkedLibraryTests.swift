import ELFImage
import Foundation
import OS
import TLSLibraries
import TestSupport
import Testing

@Suite("Libraries that are linked into a program")
struct LinkedLibraryTests {
    private static let folder =
        ["x86_64-linux-gnu", "aarch64-linux-gnu"].map { "/usr/lib/\($0)" }.first {
            FileManager.default.fileExists(atPath: $0)
        } ?? "/usr/lib64"

    private static func canLink(_ libraries: String...) -> Bool {
        ["cc", "nm", "strip", "objcopy"].allSatisfy(Tool.isInstalled)
            && libraries.allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
    }

    private static let openSSL = """
        #include <openssl/crypto.h>
        #include <openssl/ssl.h>
        #include <stdio.h>
        int main(int count, char **names)
        {
            SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
            puts(OpenSSL_version(OPENSSL_VERSION_STRING));
            return SSL_set_tlsext_host_name(ssl, names[count - 1]) != 1;
        }
        """

    private static let gnuTLS = """
        #include <gnutls/gnutls.h>
        #include <string.h>
        int main(int count, char **names)
        {
            gnutls_session_t session;
            gnutls_init(&session, GNUTLS_CLIENT);
            return gnutls_server_name_set(session, GNUTLS_NAME_DNS, names[0], strlen(names[0]));
        }
        """

    /// The host's compiler and linker: what is linked is the distribution's own archive.
    private func withProgram(_ code: String, _ options: [String], _ body: (String) throws -> Void) throws {
        try withFolder { folder in
            let path = folder + "/program"
            try Data(code.utf8).write(to: URL(filePath: path + ".c"))
            try _ = Tool.run(["cc", "-w", "-O1", "-o", path, path + ".c"] + options)
            try body(path)
        }
    }

    private func report(_ path: String) throws -> FileReport {
        try Inspector(catalog: try .builtin).inspect(try RegularFile(path: path)) { _ in nil }
    }

    /// The one library of a file, its one function checked against nm.
    private func library(_ path: String, function: String) throws -> FoundLibrary {
        let report = try report(path)
        #expect(report.libraries.count == 1)
        let library = try #require(report.libraries.first)
        #expect(library.reason == nil)
        #expect(library.functions.map(\.function) == [function])
        let point = try #require(library.functions.first)
        #expect(point.located == .symtab)
        let lines = try Tool.run("nm", "--defined-only", path).split(separator: "\n")
        let line = try #require(lines.first { $0.lowercased().hasSuffix(" t \(function.lowercased())") })
        #expect(point.address == UInt64(line.prefix { $0 != " " }, radix: 16))
        let image = try ELFImage(try RegularFile(path: path))
        #expect(
            try image.bytes(at: FileOffset(point.fileOffset), count: 8)
                == image.bytes(atAddress: Address(point.address), count: 8))
        return library
    }

    @Test(
        "OpenSSL in static programs and in one that loads the C library",
        .enabled(if: canLink("libssl.a", "libc.a"), "needs cc, binutils and OpenSSL's archives"),
        arguments: [
            ["-static", "-lssl", "-lcrypto"], ["-static-pie", "-lssl", "-lcrypto"],
            ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic"],
        ])
    func openSSL(_ options: [String]) throws {
        try withProgram(Self.openSSL, options) { path in
            let library = try library(path, function: "SSL_ctrl")
            #expect(library.kind == "OpenSSL")
            let version = try Tool.run(path, "a.test").split(separator: "\n").first
            #expect(library.version == version.map(String.init))
            try Tool.run("strip", "--strip-debug", path)
            #expect(try self.library(path, function: "SSL_ctrl").functions == library.functions)
        }
    }

    @Test(
        "Stripped, the function behind it is found by what it contains; nothing in debug information and in users of the shared library",
        .enabled(if: canLink("libssl.a", "libc.a"), "needs cc, binutils and OpenSSL's archives"))
    func stripped() throws {
        for option in ["-static", "-static-pie"] {
            try withProgram(Self.openSSL, [option, "-lssl", "-lcrypto"]) { path in
                let line = try Tool.run("nm", path).split(separator: "\n").first { $0.hasSuffix(" ssl3_ctrl") }
                let address = try #require(line.flatMap { UInt64($0.prefix { $0 != " " }, radix: 16) })
                try Tool.run("objcopy", "--only-keep-debug", path, path + ".debug")
                try Tool.run("strip", path)
                let libraries = try report(path).libraries
                #expect(libraries.map(\.kind) == ["OpenSSL"] && libraries.allSatisfy(\.isStatic))
                let functions = libraries.flatMap(\.functions)
                #expect(functions.map(\.function) == ["ssl3_ctrl"] && functions.map(\.address) == [address])
                #expect(functions.map(\.located) == [.anchor])
                #expect(try report(path + ".debug").libraries.isEmpty)
            }
        }
        for option in ["-pie", "-no-pie", "-rdynamic"] {
            try withProgram(Self.openSSL, [option, "-lssl", "-lcrypto"]) { path in
                let symbols = try Tool.run("nm", path)
                #expect(symbols.contains("U SSL_ctrl"))
                #expect(try report(path).libraries.isEmpty)
            }
        }
    }

    @Test(
        "A program that defines its functions for others keeps them so: each place once",
        .enabled(if: canLink("libssl.a"), "needs cc, binutils and OpenSSL's archives"))
    func exported() throws {
        let options = ["-rdynamic", "-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic"]
        try withProgram(Self.openSSL, options) { path in
            #expect(try Tool.run("nm", path).contains(" T SSL_ctrl\n"))
            let points = try report(path).libraries.flatMap(\.functions)
            #expect(points.map(\.function) == ["SSL_ctrl"])
            #expect(points.map(\.located) == [.dynsym])
        }
    }

    @Test(
        "GnuTLS, where the rest is shared",
        .enabled(
            if: canLink("libgnutls.a", "libtasn1.a", "libidn2.a", "libhogweed.a", "libnettle.a", "libgmp.a"),
            "needs cc, binutils and the archives of libgnutls28-dev"))
    func gnuTLS() throws {
        let archives = ["gnutls", "tasn1", "idn2", "hogweed", "nettle", "gmp"].map { "\(Self.folder)/lib\($0).a" }
        let shared = ["libunistring.so.2", "libunistring.so.5", "libp11-kit.so.0"].map { "\(Self.folder)/\($0)" }
        let present = shared.filter(FileManager.default.fileExists)
        try withProgram(Self.gnuTLS, archives + present) { path in
            let library = try library(path, function: "gnutls_server_name_set")
            #expect(library.kind == "GnuTLS")
        }
    }

    @Test(
        "BoringSSL's function in a library that hides it", .enabled(if: Fixture.canCompile && canLink()),
        arguments: ["x86_64", "aarch64"])
    func hidden(_ machine: String) throws {
        let code = """
            int SSL_set_tlsext_host_name(void *ssl, const char *name) { return ssl && name; }
            __attribute__((visibility("default"))) int plugin(void *ssl) { return SSL_set_tlsext_host_name(ssl, "x"); }
            """
        try withFolder { folder in
            let path = folder + "/plugin.so"
            try Fixture.compile(
                code, to: path, ["--target=\(machine)-linux-gnu", "-fvisibility=hidden", "-fno-inline"])
            #expect(try library(path, function: "SSL_set_tlsext_host_name").kind == "BoringSSL")
        }
    }

    @Test(
        "Two names of one place are one probe", .enabled(if: Fixture.canCompile, "clang or ld.lld is not installed"))
    func aliases() throws {
        let code = """
            int first(void *ssl, const char *name) { return ssl && name; }
            int second(void *ssl, const char *name) __attribute__((alias("first")));
            int plugin __attribute__((visibility("default")));
            """
        let rule = #"name: { argument: 1, form: "terminated" }"#
        let description = """
            { kind: "Twice", recognise: { defines: ["first"] },
              functions: [{ symbol: "first", \(rule) }, { symbol: "second", \(rule) }] }
            """
        let catalog = LibraryCatalog([try .decode(json5: description, file: "twice.json5")])
        let source = try Fixture.library(code, ["-fvisibility=hidden"])
        let libraries = try Inspector(catalog: catalog).findLibraries(in: source).libraries
        #expect(libraries.map { $0.functions.map(\.function) } == [["first"]])
        #expect(libraries.map { $0.functions.map(\.located) } == [[.symtab]])
        #expect(libraries.map(\.reason) == [nil])
    }

    @Test(
        "A file that is damaged where only tools read has no linked functions; one that says what it defines keeps it",
        .enabled(if: Fixture.canCompile, "clang or ld.lld is not installed"), arguments: [true, false])
    func damaged(isHidden: Bool) throws {
        let code = "long SSL_ctrl(void *ssl, int command, long number, void *name) { return command; }"
        var bytes = try Fixture.library(code, isHidden ? ["-fvisibility=hidden"] : []).bytes
        let inspector = Inspector(catalog: try .builtin)
        #expect(try inspector.findLibraries(in: MemorySource(bytes)).libraries.map(\.kind) == ["OpenSSL"])
        // e_shoff, beyond the end.
        for index in 40..<48 { bytes[index] = 0x7f }
        let kinds = try inspector.findLibraries(in: MemorySource(bytes)).libraries.map(\.kind)
        #expect(kinds == (isHidden ? [] : ["OpenSSL"]))
    }
}
