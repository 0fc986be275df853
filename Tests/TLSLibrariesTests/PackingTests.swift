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

    @Test("is refused where it is cut off")
    func cut() {
        let bytes = Self.report.packed
        for count in bytes.indices { #expect(FileReport(packed: bytes[..<count]) == nil) }
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
