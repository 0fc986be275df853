import ELFImage
import Foundation
import OS
import TestSupport
import Testing

@testable import TLSLibraries

@Suite("Files of debug information: which are believed")
struct DebugFileTests {
    private func finding(
        _ kind: String, _ located: Located, _ functions: (index: Int, address: Address)...
    ) -> LibraryFinding {
        LibraryFinding(
            kind: kind, located: located,
            functions: functions.map {
                LibraryFinding.Function(
                    index: $0.index, name: "function\($0.index)", address: $0.address, size: 0, isIndirect: false,
                    evidence: [])
            })
    }

    private func places(_ findings: [LibraryFinding]) -> [String] {
        findings.flatMap { finding in finding.functions.map { "\(finding.kind) \($0.index) \($0.address.value)" } }
            .sorted()
    }

    @Test(
        "nobody opens others in a file's name",
        arguments: [
            ("/usr/lib/debug/.build-id/00/ff.debug", true), ("/usr/lib/debug/opt/app/libssl.so.3", true),
            ("/opt/app/libssl.debug", true), ("/opt/app/.debug/libssl.debug", true), ("/etc/shadow", false),
            ("/opt/app/../../etc/shadow", false), ("/usr/lib/debug/../../../etc/shadow", false), ("/opt/libssl", false),
            ("/opt/app/other/libssl", false), ("shadow", false), ("", false),
        ])
    func place(path: String, isOne: Bool) {
        #expect(DebugFiles.isPlace(path, ofFile: "/opt/app/libssl.so.3") == isOne)
    }

    @Test("none beside a file that this host has elsewhere, nor through a link of /proc")
    func otherFolder() throws {
        #expect(DebugFiles.isPlace("/usr/lib/debug/a", ofFile: nil))
        #expect(!DebugFiles.isPlace("/opt/app/libssl.debug", ofFile: nil))
        try withFolder { folder in
            let path = folder + "/library"
            for path in [path, path + "2"] { try Data("debug".utf8).write(to: URL(filePath: path)) }
            let file = try RegularFile(path: path)
            #expect(DebugFiles.isPath(path, of: file))
            #expect(!DebugFiles.isPath(path + "2", of: file))
            #expect(!DebugFiles.isPath("/proc/self/root" + path, of: file))
            #expect(DebugFiles.open(path) != nil)
            #expect(DebugFiles.open("/proc/self/root" + path) == nil)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link", withDestinationPath: "/proc/self/root" + folder)
            #expect(DebugFiles.open(folder + "/link/library") == nil)
        }
    }

    @Test("this user's and root's, and only if nobody else can write them")
    func owners() throws {
        try withFolder { folder in
            let path = folder + "/library.debug"
            try Data("debug".utf8).write(to: URL(filePath: path))
            func isOpened(_ attributes: [FileAttributeKey: Any]) throws -> Bool {
                try FileManager.default.setAttributes(attributes, ofItemAtPath: path)
                return DebugFiles.open(path) != nil
            }
            #expect(try isOpened([.posixPermissions: 0o644]))
            #expect(try !isOpened([.posixPermissions: 0o664]))
            #expect(try !isOpened([.posixPermissions: 0o666]))
            if Host.isRoot { #expect(try !isOpened([.posixPermissions: 0o644, .ownerAccountID: 65534])) }
        }
    }

    @Test("a name where the code has another function is refused, and said")
    func contradiction() {
        let joined = HiddenFindings.joined(
            [finding("OpenSSL", .debuglink, (0, 100), (1, 300))], [finding("OpenSSL", .anchor, (0, 200))])
        #expect(places(joined) == ["OpenSSL 0 200", "OpenSSL 1 300"])
        #expect(joined.flatMap(\.reasons).count == 1)
    }

    @Test("one library's name at another's function hides neither it nor its reason")
    func otherLibrary() {
        let joined = HiddenFindings.joined(
            [finding("mbedTLS", .debuglink, (0, 100))], [finding("OpenSSL", .anchor, (0, 100), (1, 200))])
        #expect(places(joined) == ["OpenSSL 0 100", "OpenSSL 1 200"])
        #expect(joined.flatMap(\.reasons).count == 1)
    }

    @Test("both agree: each function once")
    func agreement() {
        let joined = HiddenFindings.joined(
            [finding("OpenSSL", .debuglink, (0, 100))], [finding("OpenSSL", .anchor, (0, 100))])
        #expect(places(joined) == ["OpenSSL 0 100"])
        #expect(joined.map(\.located) == [.debuglink])
    }

    @Test("a Go program's table is the file's own: anchors do not judge it")
    func goFunctions() {
        let joined = HiddenFindings.joined(
            [finding("Go", .gopclntab, (0, 100)), finding("OpenSSL", .debuglink, (0, 500))],
            [finding("OpenSSL", .anchor, (0, 500))])
        #expect(places(joined) == ["Go 0 100", "OpenSSL 0 500"])
    }
}
