import ELFImage
import Foundation
import TestSupport
import Testing

@testable import CodeSearch

@Suite("Instructions, against objdump")
struct DecoderTests {
    /// Bytes of code of each file: builds for debugging decode some 100,000 instructions a second.
    private static let count = 120_000
    private static let files = [
        "/usr/lib/x86_64-linux-gnu/libssl.so.3", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/bin/bash",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
    ].filter { FileManager.default.fileExists(atPath: $0) }

    @Test(
        "x86-64: lengths, targets, numbers",
        .enabled(if: Tool.isInstalled("x86_64-linux-gnu-objdump"), "needs binutils for x86-64"), arguments: files)
    func amd64(_ path: String) throws {
        let disassembly = try Disassembly(
            path, tool: "x86_64-linux-gnu-objdump", machine: .amd64, count: Self.count)
        #expect(disassembly.lines.count > 20_000)
        // Prefixes that stand alone, and data, have no mnemonic.
        for line in disassembly.lines where line.mnemonic.first?.isLetter ?? false {
            guard let instruction = disassembly.code.instruction(at: line.address),
                instruction.length == line.bytes.count
            else {
                Issue.record("wrong length: \(line), \(line.bytes)")
                continue
            }
            switch line.mnemonic {
            case "call" where line.target != nil:
                #expect(instruction.flow == line.target.map { .call($0) }, "\(line)")
            case "jmp" where line.target != nil:
                #expect(instruction.flow == line.target.map { .jump($0) }, "\(line)")
            case "call": #expect(instruction.flow == .indirectCall, "\(line)")
            case "jmp": #expect(instruction.flow == .indirectJump, "\(line)")
            case let name where name.hasPrefix("j") || name.hasPrefix("loop"):
                #expect(instruction.flow == line.target.map { .branch($0) }, "\(line)")
            case "ret", "hlt", "ud2", "int3": #expect(instruction.flow == .end, "\(line)")
            case "mov" where line.bytes[0] & 0xf8 == 0xb8 && instruction.length == 5:
                #expect(instruction.constant == line.number(1).map { Int64(Int32(truncatingIfNeeded: $0)) }, "\(line)")
            case "cmp" where line.bytes[0] == 0x83 || line.bytes[1] == 0x83 && line.bytes[0] & 0xf0 == 0x40:
                // objdump shows the number in the width of the comparison.
                #expect(
                    instruction.compared.map { UInt16(truncatingIfNeeded: $0) }
                        == line.number(1).map { UInt16(truncatingIfNeeded: $0) }, "\(line)")
            default: #expect(instruction.flow == .next, "\(line)")
            }
        }
    }

    @Test(
        "arm64: targets, numbers, addresses",
        .enabled(
            if: Tool.isInstalled("clang") && Tool.isInstalled("ld.lld")
                && Tool.isInstalled("aarch64-linux-gnu-objdump"),
            "needs clang, lld, and binutils for aarch64"),
        arguments: ["-O0", "-O2", "-Oz"])
    func arm64(_ level: String) throws {
        try withFolder { folder in
            let object = "\(folder)/code.so"
            try Data(Self.source.utf8).write(to: URL(filePath: "\(folder)/code.c"))
            try Tool.run(
                [
                    "clang", "--target=aarch64-linux-gnu", "-ffreestanding", level, "-fPIC", "-shared", "-nostdlib",
                    "-fuse-ld=lld", "-Wl,--unresolved-symbols=ignore-all", "-o", object,
                ]
                    + ["\(folder)/code.c"])
            let disassembly = try Disassembly(
                object, tool: "aarch64-linux-gnu-objdump", machine: .arm64, count: Self.count)
            #expect(disassembly.lines.count > 50)
            for line in disassembly.lines where line.mnemonic != "udf" {
                guard let instruction = disassembly.code.instruction(at: line.address) else {
                    Issue.record("not decoded: \(line)")
                    continue
                }
                switch line.mnemonic {
                case "bl": #expect(instruction.flow == line.target.map { .call($0) }, "\(line)")
                case "b": #expect(instruction.flow == line.target.map { .jump($0) }, "\(line)")
                case let name where name.hasPrefix("b.") || ["cbz", "cbnz", "tbz", "tbnz"].contains(name):
                    #expect(instruction.flow == line.target.map { .branch($0) }, "\(line)")
                case "ret": #expect(instruction.flow == .end && instruction.isReturn, "\(line)")
                case "br": #expect(instruction.flow == .indirectJump, "\(line)")
                case "blr": #expect(instruction.flow == .indirectCall, "\(line)")
                case "mov" where line.number(1) != nil:
                    let number =
                        line.operands.hasPrefix("w")
                        ? line.number(1).map { Int64(Int32(truncatingIfNeeded: $0)) } : line.number(1)
                    #expect(instruction.constant == number, "\(line)")
                case "cmp" where line.number(1) != nil: #expect(instruction.compared == line.number(1), "\(line)")
                default: #expect(instruction.flow == .next, "\(line)")
                }
            }
        }
    }

    private static let source = """
        unsigned long strlen(const char *);
        void *allocate(unsigned long);
        void report(int, int, int, const char *, unsigned);
        extern int table[];
        int choose(int x) {
            switch (x) {
            case 0: return table[1]; case 1: return 77; case 2: return -30000; case 3: return 0x12345;
            case 4: return x * 3; case 5: return table[x] & 0xff00ff; case 6: return 1 << 20;
            }
            return -1;
        }
        int set(void **object, const char *name) {
            if (!name) return 1;
            unsigned long length = strlen(name);
            if (length == 0 || length > 255) { report(16, 0, 213, "some/file.c", 1234); return 0; }
            *object = allocate(length + 4096);
            return *object != 0 && (length & 4) && choose((int)length) > 300;
        }
        unsigned long numbers(unsigned long a, unsigned long b) {
            return (a ^ 0xffff0000ffff0000) + (b | 0x5555555555555555) + (a < 100 ? 0xfffffffffffffffe : b % 7);
        }
        int each(int (*call)(int), int count) {
            int sum = 0;
            for (int i = 0; i < count; i++) if (call(i) != -5) sum += i;
            return sum;
        }
        """
}
