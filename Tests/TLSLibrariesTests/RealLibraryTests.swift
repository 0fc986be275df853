import ELFImage
import Foundation
import OS
import TLSLibraries
import TestSupport
import Testing

@Suite("Libraries of this host")
struct RealLibraryTests {
    private static let folder =
        ["x86_64-linux-gnu", "aarch64-linux-gnu"].map { "/usr/lib/\($0)" }.first {
            FileManager.default.fileExists(atPath: $0)
        } ?? "/usr/lib64"

    private static func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(name)") && Tool.isInstalled("nm")
    }

    private func inspect(_ path: String) throws -> FileReport {
        let inspector = Inspector(catalog: try .builtin)
        return try inspector.inspect(try RegularFile(path: path)) { name in
            try? RegularFile(path: URL(filePath: path).deletingLastPathComponent().appending(path: name).path)
        }
    }

    /// The one library of a file, its functions checked against nm.
    private func library(_ name: String, function: String...) throws -> (FileReport, FoundLibrary) {
        let path = "\(Self.folder)/\(name)"
        let report = try inspect(path)
        #expect(report.libraries.count == 1)
        #expect((report.buildID ?? "").count == 40)
        let library = try #require(report.libraries.first)
        #expect(library.reason == nil)
        #expect(library.functions.map(\.function) == function)
        let image = try ELFImage(try RegularFile(path: path))
        for point in library.functions {
            #expect(
                point.address == (try Tool.address(of: point.function, in: path, "-D", "--without-symbol-versions")))
            #expect(point.located.rawValue == "dynsym")
            // The code at the file offset is the code at the address, as another reader of ELF sees it.
            #expect(
                try image.bytes(at: FileOffset(point.fileOffset), count: 4)
                    == image.bytes(atAddress: Address(point.address), count: 4))
            #expect(point.probeOffset == point.fileOffset + (point.placement == nil ? 0 : 4))
        }
        return (report, library)
    }

    @Test(
        "OpenSSL",
        .enabled(if: has("libssl.so.3") && Tool.isInstalled("openssl"), "needs libssl.so.3, openssl and nm"))
    func openSSL() throws {
        let (_, library) = try library("libssl.so.3", function: "SSL_ctrl")
        #expect(library.kind == "OpenSSL")
        let version = try #require(library.version)
        #expect(try Tool.run("openssl", "version").hasPrefix("OpenSSL \(version) "))
        #expect(library.functions.first?.rule.nameArgument == 3)
    }

    @Test("OpenSSL without its libcrypto", .enabled(if: has("libssl.so.3"), "needs libssl.so.3 and nm"))
    func openSSLAlone() throws {
        let source = try RegularFile(path: "\(Self.folder)/libssl.so.3")
        let report = try Inspector(catalog: try .builtin).inspect(source) { _ in nil }
        #expect(report.libraries.map(\.version) == ["3.0"])
        #expect(try Inspector(catalog: try .builtin).findLibraries(in: source).libraries.map(\.version) == [nil])
    }

    @Test(
        "GnuTLS",
        .enabled(if: has("libgnutls.so.30") && Tool.isInstalled("dpkg-query"), "needs libgnutls30, dpkg and nm"))
    func gnuTLS() throws {
        let (_, library) = try library("libgnutls.so.30", function: "gnutls_server_name_set")
        #expect(library.kind == "GnuTLS")
        let version = try #require(library.version)
        #expect(try Self.packageVersion("libgnutls30") == version)
        #expect(library.functions.first?.rule.lengthArgument == 3)
    }

    @Test("BoringSSL", .enabled(if: has("android/libssl.so.0"), "needs Debian's android-libboringssl and nm"))
    func boringSSL() throws {
        let (_, library) = try library("android/libssl.so.0", function: "SSL_set_tlsext_host_name")
        #expect(library.kind == "BoringSSL")
        #expect(library.version == nil)
    }

    @Test("wolfSSL", .enabled(if: has("libwolfssl.so.35"), "needs libwolfssl35 and nm"))
    func wolfSSL() throws {
        let (_, library) = try library("libwolfssl.so.35", function: "wolfSSL_UseSNI", "wolfSSL_CTX_UseSNI")
        #expect(library.kind == "wolfSSL")
        #expect(library.version == (try Self.packageVersion("libwolfssl35")))
    }

    @Test("Mbed TLS", .enabled(if: has("libmbedtls.so.14"), "needs libmbedtls14 and nm"))
    func mbedTLS() throws {
        let (_, library) = try library("libmbedtls.so.14", function: "mbedtls_ssl_set_hostname")
        #expect(library.kind == "Mbed TLS")
        #expect(library.version == (try Self.packageVersion("libmbedtls14")))
    }

    @Test("NSS", .enabled(if: has("libssl3.so"), "needs libnss3 and nm"))
    func nss() throws {
        let (_, library) = try library("libssl3.so", function: "SSL_SetURL")
        #expect(library.kind == "NSS")
        #expect(library.version == (try Self.packageVersion("libnss3")))
        #expect(library.functions.map(\.rule.treatment) == [.dropsIPLiterals])
    }

    private static let virtualMachines =
        (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/jvm"))
        .map { $0.map { "/usr/lib/jvm/\($0)/lib/server/libjvm.so" } }?
        .filter { FileManager.default.fileExists(atPath: $0) } ?? []

    @Test("Java tells its version", .enabled(if: !virtualMachines.isEmpty, "needs openjdk-17-jre-headless"))
    func java() throws {
        for path in Self.virtualMachines {
            let library = try #require(try inspect(path).libraries.first)
            #expect(library.kind == "Java JSSE")
            let program = URL(filePath: path).appending(path: "../../../bin/java").standardizedFileURL.path
            let version = try #require(library.version)
            // "OpenJDK 64-Bit Server VM (build 17.0.9+9, mixed mode)"; some name their own release before the build.
            #expect(try Tool.run(program, "--version").contains("build \(version),"))
            #expect(library.functions.isEmpty)
            #expect(library.reason?.contains("can't be traced") == true)
        }
    }

    /// The version of a distribution's package, without its own part: 3.87.1 of 2:3.87.1-1+deb12u4.
    private static func packageVersion(_ name: String) throws -> String? {
        let text = try Tool.run("dpkg-query", "-W", "-f", "${Version}", name)
        return text.split(separator: ":").last?.split(separator: "-").first.map(String.init)
    }

    @Test("Files without a TLS library, users of one too", arguments: ["/bin/true", "libcurl.so.4", "libcrypto.so.3"])
    func noLibrary(_ name: String) throws {
        let path = name.hasPrefix("/") ? name : "\(Self.folder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return }
        let report = try inspect(path)
        #expect(report.libraries.isEmpty)
        #expect(["x86_64", "aarch64"].contains(report.machine))
    }
}
