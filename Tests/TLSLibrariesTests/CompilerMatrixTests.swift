import Foundation
import OS
import TLSLibraries
import Testing

/// BoringSSL as several compilers make it in many ways: what is found of it, against a twin with symbols.
@Suite("One function by many compilers", .enabled(if: CompilerMatrix.canCompile, "needs \(CompilerMatrix.needs)"))
struct CompilerMatrixTests {
    @Test("The right function or none, never another")
    func matrix() throws {
        try Fixture.withFolder { folder in
            let variants = try CompilerMatrix.compile(into: folder)
            var missed: [String] = []
            var right = 0
            for variant in variants {
                guard let address = variant.address else { continue }
                let report = try Inspector(catalog: try .builtin)
                    .inspect(try RegularFile(path: "\(folder)/\(variant.name)")) { _ in nil }
                let found = report.libraries.flatMap(\.functions)
                if found.isEmpty {
                    let reasons = report.libraries.compactMap(\.reason).joined(separator: " ")
                    missed.append("\(variant.name): \(reasons.isEmpty ? "nothing was recognised" : reasons)")
                    continue
                }
                let places = found.map { "0x\(String($0.address, radix: 16)) by \($0.located.rawValue)" }
                #expect(places == ["\(address) by anchor"], "\(variant.name)")
                right += 1
            }
            // Refusing is right, and must stay rare.
            let summary = "\(right) right, \(missed.count) refused:\n\(missed.joined(separator: "\n"))"
            print(summary)
            #expect(right + missed.count >= CompilerMatrix.least, "too few variants were made")
            #expect(right * 100 >= (right + missed.count) * CompilerMatrix.leastPercentRight, "\(summary)")
        }
    }
}

/// Variants of a library, made by a script.
struct CompilerMatrix: Decodable {
    let name: String
    /// Of the function, in the twin; nil where it has none, or could not be made.
    let address: String?

    static let needs = "clang++, g++, ld.lld, llvm-objcopy, and the sources that Tests/fetch-sources brings"
    /// Compilers differ in their options: not all variants are made by all.
    static let least = 30
    static let leastPercentRight = 80

    private static let tests = URL(filePath: #filePath).appending(path: "../..").standardizedFileURL
    private static let sources = tests.appending(
        path: "../.build/nio-client/checkouts/swift-nio-ssl/Sources/CNIOBoringSSL").standardizedFileURL.path
    private static var script: String { tests.appending(path: "tools/compile-matrix").path }

    static let canCompile =
        ["clang++", "g++", "ld.lld", "llvm-objcopy", "llvm-nm", "python3"].allSatisfy(Tool.isInstalled)
        && FileManager.default.fileExists(atPath: sources)

    static func compile(into folder: String) throws -> [CompilerMatrix] {
        try Tool.run(script, sources, folder)
        let list = try Data(contentsOf: URL(filePath: "\(folder)/matrix.json"))
        return try JSONDecoder().decode([CompilerMatrix].self, from: list)
    }
}
