import Foundation
import TLSLibraries
import TestSupport
import Testing

@Suite("The example of symbols/README.md", .enabled(if: Fixture.canCompile, "needs clang and ld.lld"))
struct ExampleTests {
    private static let folder = TruthTable.tests.appending(path: "../symbols/example").standardizedFileURL.path

    /// The functions that its description finds in a file.
    private func functions(_ path: String) throws -> [AttachPoint] {
        let file = "\(Self.folder)/acme.json5"
        let description = try LibraryDescription.decode(
            json5: Array(try Data(contentsOf: URL(filePath: file))), file: file)
        let inspector = Inspector(catalog: try .builtin.adding([description]))
        let report = try inspector.inspect(try Fixture.file(path)) { _ in nil }
        #expect(report.libraries.map(\.kind) == ["Acme TLS"])
        return report.libraries.flatMap(\.functions)
    }

    /// Compiles the library, its functions no symbols of the file, as in a program.
    /// - Parameter body: Is given the function's address, what a stripped file has and what its twin has.
    private func compile(
        _ architecture: String, _ level: String, _ body: (UInt64, [AttachPoint], [AttachPoint]) throws -> Void
    ) throws {
        try withFolder { folder in
            // The host's headers do for both architectures.
            try Tool.run(
                "clang", "--target=\(architecture)-linux-gnu", level, "-fPIC", "-shared", "-nostdlib", "-fuse-ld=lld",
                "-fvisibility=hidden", "-idirafter", "/usr/include/\(Self.host)-linux-gnu", "-o", "\(folder)/twin",
                "\(Self.folder)/acme_tls.c", "\(Self.folder)/acme_error.c")
            try Tool.run("llvm-objcopy", "--strip-all", "\(folder)/twin", "\(folder)/stripped")
            let symbols = try Tool.run("nm", "\(folder)/twin").split(separator: "\n")
            let symbol = try #require(symbols.first { $0.hasSuffix(" t acme_set_host") })
            let address = try #require(UInt64(symbol.prefix { $0 != " " }, radix: 16))
            try body(address, try functions("\(folder)/stripped"), try functions("\(folder)/twin"))
        }
    }

    @Test(
        "the function is found in what is stripped, of both architectures, where it is in the twin with symbols",
        arguments: ["x86_64", "aarch64"], ["-O1", "-O2", "-O3"])
    func stripped(architecture: String, level: String) throws {
        try compile(architecture, level) { address, found, twin in
            #expect(found.map(\.function) == ["acme_set_host"])
            #expect(found.map(\.located.rawValue) == ["anchor"])
            #expect(found.map(\.address) == [address])
            #expect(twin.map(\.located.rawValue) == ["symtab"])
        }
    }

    @Test(
        "small code may hide what the rule asks for: the function is found or none",
        arguments: ["x86_64", "aarch64"], ["-Os", "-Oz"])
    func small(architecture: String, level: String) throws {
        try compile(architecture, level) { address, found, twin in
            #expect(found.isEmpty || found.map(\.address) == [address])
            #expect(twin.map(\.address) == [address])
        }
    }

    #if arch(arm64)
        private static let host = "aarch64"
    #else
        private static let host = "x86_64"
    #endif
}
