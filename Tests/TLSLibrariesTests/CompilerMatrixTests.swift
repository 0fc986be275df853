import Foundation
import OS
import TLSLibraries
import TestSupport
import Testing

/// BoringSSL as several compilers make it in many ways: what is found of it, against a twin with symbols.
@Suite("One function by many compilers", .enabled(if: CompilerMatrix.canCompile, "needs \(CompilerMatrix.needs)"))
struct CompilerMatrixTests {
    @Test("The right function or none, never another")
    func matrix() throws {
        try CompilerMatrix.withFolder { folder, variants in
            var refused: [String] = []
            var right = 0
            for variant in variants {
                guard let address = variant.address else { continue }
                let report = try Inspector(catalog: try .builtin)
                    .inspect(try RegularFile(path: "\(folder)/\(variant.name)")) { _ in nil }
                let found = report.libraries.flatMap(\.functions)
                if found.isEmpty {
                    let reasons = report.libraries.compactMap(\.reason).joined(separator: " ")
                    refused.append("\(variant.name): \(reasons.isEmpty ? "nothing was recognised" : reasons)")
                    continue
                }
                let places = found.map { "0x\(String($0.address, radix: 16)) by \($0.located.rawValue)" }
                #expect(places == ["\(address) by anchor"], "\(variant.name)")
                right += 1
            }
            let summary = "\(right) right, \(refused.count) refused:\n\(refused.joined(separator: "\n"))"
            print(summary)
            #expect(right + refused.count >= CompilerMatrix.least, "too few variants were made")
            // Refusing is safe, and must stay rare.
            #expect(right * 100 >= (right + refused.count) * CompilerMatrix.leastPercentRight, "\(summary)")
        }
    }
}

/// A variant of a library, made by `Tests/tools/compile-matrix`.
struct CompilerMatrix: Decodable {
    let name: String
    /// Of the function, in the twin; nil where it has none, or could not be made.
    let address: String?

    static let needs = "clang++, g++, ld.lld, llvm-objcopy, llvm-nm, python3 and the nio-client's packages"
    /// Compilers differ in their options: not all variants are made by all.
    static let least = 40
    static let leastPercentRight = 80

    private static let sources = TruthTable.tests.appending(
        path: "../.build/nio-client/checkouts/swift-nio-ssl/Sources/CNIOBoringSSL"
    ).standardizedFileURL.path
    /// Variants that were made before.
    private static let made = ProcessInfo.processInfo.environment["SNISCOPE_TEST_MATRIX"]

    static let canCompile =
        made != nil
        || ["clang++", "g++", "ld.lld", "llvm-objcopy", "llvm-nm", "python3"].allSatisfy(Tool.isInstalled)
            && FileManager.default.fileExists(atPath: sources)

    static func withFolder(_ body: (String, [CompilerMatrix]) throws -> Void) throws {
        if let made { return try body(made, try variants(in: made)) }
        try TestSupport.withFolder { folder in
            try Tool.run(TruthTable.tests.appending(path: "tools/compile-matrix").path, sources, folder)
            try body(folder, try variants(in: folder))
        }
    }

    private static func variants(in folder: String) throws -> [CompilerMatrix] {
        let list = try Data(contentsOf: URL(filePath: "\(folder)/matrix.json"))
        return try JSONDecoder().decode([CompilerMatrix].self, from: list)
    }
}
