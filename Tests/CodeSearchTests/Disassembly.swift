import ELFImage
import Foundation
import TestSupport
import Testing

@testable import CodeSearch

/// Code as binutils' objdump takes it apart: what the decoders are held against.
struct Disassembly {
    struct Line {
        let address: Address
        let bytes: [UInt8]
        /// Without prefixes.
        let mnemonic: String
        let operands: String
    }

    let lines: [Line]
    /// All bytes from the first line on, and the address of the first.
    let code: CodeBytes

    private static let prefixes: Set<String> = [
        "rep", "repz", "repnz", "lock", "bnd", "data16", "cs", "ds", "es", "ss", "fs", "gs", "notrack", "addr32",
    ]

    /// - Parameter count: Bytes from the beginning of the code.
    init(_ path: String, tool: String, machine: CodeMachine, count: Int) throws {
        var arguments = [tool, "-d", "-w", "-j", ".text"]
        if machine == .amd64 { arguments += ["-M", "intel"] }
        let header = try Tool.run(["readelf", "-SW", path])
        let text = try #require(header.split(separator: "\n").first { $0.contains(" .text ") })
        let columns = text.split(separator: "]")[1].split(separator: " ")
        let start = try #require(UInt64(columns[2], radix: 16))
        let end = start + UInt64(count)
        let output = try Tool.run(
            arguments + ["--start-address=0x\(String(start, radix: 16))", "--stop-address=0x\(String(end, radix: 16))"]
                + [path])
        var lines: [Line] = []
        var bytes: [UInt8] = []
        for line in output.utf8.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 2)
            guard parts.count == 3, parts[0].last == UInt8(ascii: ":"),
                let address = UInt64(
                    String(decoding: parts[0].dropLast(), as: UTF8.self).drop { $0 == " " }, radix: 16)
            else { continue }
            var own = String(decoding: parts[1], as: UTF8.self).split(separator: " ").compactMap {
                $0.count == 2 ? UInt8($0, radix: 16).map { [$0] } : UInt32($0, radix: 16).map(Self.littleEndian)
            }.flatMap(\.self)
            // "..." stands for zeros.
            if own.isEmpty { own = [0] }
            var words = String(decoding: parts[2], as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\t" })
            while let first = words.first, Self.prefixes.contains(String(first)) || first.hasPrefix("rex") {
                words.removeFirst()
            }
            lines.append(
                Line(
                    address: Address(address), bytes: own, mnemonic: words.first.map(String.init) ?? "",
                    operands: words.dropFirst().prefix { $0 != "#" && $0 != "//" && !$0.hasPrefix("<") }.joined(
                        separator: " ")))
            bytes += own
        }
        self.lines = lines
        code = CodeBytes(machine: machine, address: Address(start), bytes: bytes)
    }

    private static func littleEndian(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
}

extension Disassembly.Line: CustomStringConvertible {
    var description: String { "0x\(String(address.value, radix: 16)): \(mnemonic) \(operands)" }

    /// A number that is an operand.
    func number(_ operand: Int) -> Int64? {
        let all = operands.split(separator: ",").map { $0.drop { $0 == " " || $0 == "#" } }
        guard all.indices.contains(operand) else { return nil }
        let isNegative = all[operand].hasPrefix("-")
        let text = all[operand].drop { $0 == "-" }
        guard text.hasPrefix("0x") else { return Int64(text).map { isNegative ? -$0 : $0 } }
        return UInt64(text.dropFirst(2), radix: 16).map { Int64(bitPattern: isNegative ? 0 &- $0 : $0) }
    }

    /// The address that the last operand is.
    var target: Address? {
        operands.split(separator: ",").last.flatMap { UInt64($0.drop { $0 == " " }, radix: 16) }.map(Address.init)
    }
}
