import OS
import TestSupport
import Testing

@testable import TLSLibraries

@Suite("What the process that looks into files sends")
struct PackingTests {
    private static let report = FileReport(
        machine: "x86_64", buildID: "00ff", isStripped: true,
        libraries: [
            FoundLibrary(
                kind: "OpenSSL", version: nil,
                functions: [
                    AttachPoint(
                        function: "SSL_ctrl",
                        rule: FunctionRule(
                            convention: .goStack, nameArgument: 3, lengthArgument: 2, lengthBits: 32,
                            conditions: [.init(argument: 1, equals: .max, bits: 64)], connectionArgument: nil,
                            treatment: NameTreatment(rawValue: 3)),
                        address: 0x35e40, fileOffset: 0, probeOffset: .max, located: .anchor, evidence: ["é", ""],
                        instruction: "push", placement: "after endbr64")
                ], reason: "why", isUncertain: false, isUntraceable: true, isStatic: false)
        ])

    @Test("arrives as it was")
    func same() {
        #expect(FileReport(packed: Self.report.packed[...]) == Self.report)
        #expect(FileReport(packed: FileReport(empty: "riscv64").packed[...]) == FileReport(empty: "riscv64"))
    }

    @Test("arrives as it was, what a file tells the loader")
    func loaderFacts() throws {
        for path in ["/bin/sh", "/proc/self/exe"] {
            let facts = try LoaderFacts(of: try RegularFile(path: path))
            #expect(LoaderFacts(packed: facts.packed[...]) == facts)
        }
        #expect(LoaderFacts(packed: [UInt8(ascii: "x")]) == nil)
    }

    @Test("is refused where it is cut off")
    func cut() {
        let bytes = Self.report.packed
        for count in bytes.indices { #expect(FileReport(packed: bytes[..<count]) == nil) }
    }

    @Test("is refused where a rule is none that the kernel's program can be told")
    func impossibleRules() {
        let condition = FunctionRule.Condition(argument: 0, equals: 1, bits: 8)
        let possible = [
            FunctionRule(nameArgument: 4, lengthArgument: 0, lengthBits: 16, connectionArgument: 3),
            FunctionRule(nameArgument: 1, conditions: [condition, condition]),
        ]
        for rule in possible { #expect(FunctionRule(packed: rule.packed[...]) == rule) }
        let impossible = [
            FunctionRule(nameArgument: -1), FunctionRule(nameArgument: 5),
            FunctionRule(nameArgument: 0, lengthArgument: 256), FunctionRule(nameArgument: 0, lengthBits: -1),
            FunctionRule(nameArgument: 0, lengthBits: 65), FunctionRule(nameArgument: 0, connectionArgument: .max),
            FunctionRule(nameArgument: 1, conditions: [condition, condition, condition]),
            FunctionRule(nameArgument: 1, conditions: [.init(argument: .min, equals: 1, bits: 8)]),
            FunctionRule(nameArgument: 1, conditions: [.init(argument: 0, equals: 1, bits: 0)]),
        ]
        for rule in impossible { #expect(FunctionRule(packed: rule.packed[...]) == nil, "\(rule)") }
    }

    @Test("never traps, whatever it is")
    func changed() {
        var random = SeededGenerator(state: 7)
        for _ in 0..<20_000 {
            var bytes = Self.report.packed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = FileReport(packed: bytes[...])
        }
    }
}
