import ELFImage
import Foundation
import OS
import TLSLibraries
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

    /// The one library of a file, its one function checked against nm.
    private func library(_ name: String, function: String) throws -> (FileReport, FoundLibrary) {
        let path = "\(Self.folder)/\(name)"
        let report = try inspect(path)
        #expect(report.libraries.count == 1)
        #expect((report.buildID ?? "").count == 40)
        let library = try #require(report.libraries.first)
        #expect(library.reason == nil)
        #expect(library.functions.map(\.function) == [function])
        let point = try #require(library.functions.first)
        #expect(point.address == (try Tool.address(of: function, in: path)))
        #expect(point.located.rawValue == "dynsym")
        // The code at the file offset is the code at the address, as another reader of ELF sees it.
        let image = try ELFImage(try RegularFile(path: path))
        #expect(try image.bytes(at: point.fileOffset, count: 4) == image.bytes(atAddress: point.address, count: 4))
        #expect(point.probeOffset == point.fileOffset + (point.placement == nil ? 0 : 4))
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
        #expect(try Tool.run("dpkg-query", "-W", "-f", "${Version}\n", "libgnutls30").hasPrefix("\(version)-"))
        #expect(library.functions.first?.rule.lengthArgument == 3)
    }

    @Test("BoringSSL", .enabled(if: has("android/libssl.so.0"), "needs Debian's android-libboringssl and nm"))
    func boringSSL() throws {
        let (_, library) = try library("android/libssl.so.0", function: "SSL_set_tlsext_host_name")
        #expect(library.kind == "BoringSSL")
        #expect(library.version == nil)
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
