import ELFImage
import Testing

@testable import CodeSearch

/// What instructions do to registers, checked by hand against the manuals.
@Suite("Registers that instructions read and write")
struct RegisterTests {
    struct Row: CustomTestStringConvertible {
        let text: String
        let bytes: [UInt8]
        let reads: RegisterSet
        let writes: RegisterSet

        init(_ text: String, _ bytes: [UInt8], reads: [UInt8], writes: [UInt8]) {
            self.text = text
            self.bytes = bytes
            self.reads = reads.reduce(into: []) { $0.insert(RegisterSet($1)) }
            self.writes = writes.reduce(into: []) { $0.insert(RegisterSet($1)) }
        }

        var testDescription: String { text }
    }

    @Test(
        "x86-64",
        arguments: [
            Row("push rsi", [0x56], reads: [6], writes: []),
            Row("pop r12", [0x41, 0x5c], reads: [], writes: [12]),
            Row("mov rbx, rsi", [0x48, 0x89, 0xf3], reads: [6], writes: [3]),
            Row("mov esi, 213", [0xbe, 0xd5, 0, 0, 0], reads: [], writes: [6]),
            Row("xor esi, esi", [0x31, 0xf6], reads: [], writes: [6]),
            Row("xor esi, edi", [0x31, 0xfe], reads: [6, 7], writes: [6]),
            Row("test rsi, rsi", [0x48, 0x85, 0xf6], reads: [6], writes: []),
            Row("lea rax, [rsi+rdi*2+8]", [0x48, 0x8d, 0x44, 0x7e, 8], reads: [6, 7], writes: [0]),
            Row("cmovne rdi, rsi", [0x48, 0x0f, 0x45, 0xfe], reads: [6], writes: []),
            Row("movzx eax, byte ptr [rsi]", [0x0f, 0xb6, 0x06], reads: [6], writes: [0]),
            Row("movzx ecx, dh", [0x0f, 0xb6, 0xce], reads: [2], writes: [1]),
            Row("movzx ecx, sil", [0x40, 0x0f, 0xb6, 0xce], reads: [6], writes: [1]),
            Row("mov dh, 1", [0xb6, 1], reads: [], writes: [2]),
            Row("sete sil", [0x40, 0x0f, 0x94, 0xc6], reads: [], writes: [6]),
            Row("cdq", [0x99], reads: [0], writes: [2]),
            Row("div rcx", [0x48, 0xf7, 0xf1], reads: [0, 1, 2], writes: [0, 2]),
            Row("shl eax, cl", [0xd3, 0xe0], reads: [0, 1], writes: [0]),
            Row("rep stosq", [0xf3, 0x48, 0xab], reads: [0, 1, 7], writes: [1, 7]),
            Row("movsb", [0xa4], reads: [6, 7], writes: [6, 7]),
            Row("xchg rsi, rax", [0x48, 0x96], reads: [0, 6], writes: [0, 6]),
            Row("movd esi, xmm0", [0x66, 0x0f, 0x7e, 0xc6], reads: [], writes: [6]),
            Row("movq xmm0, rsi", [0x66, 0x48, 0x0f, 0x6e, 0xc6], reads: [6], writes: []),
            Row("movups [rsi], xmm6", [0x0f, 0x11, 0x36], reads: [6], writes: []),
            Row("movaps xmm6, xmm7", [0x0f, 0x28, 0xf7], reads: [], writes: []),
            Row("cvttsd2si esi, xmm0", [0xf2, 0x0f, 0x2c, 0xf0], reads: [], writes: [6]),
            Row("pmovmskb esi, xmm1", [0x66, 0x0f, 0xd7, 0xf1], reads: [], writes: [6]),
            Row("vmovdqu ymm6, [rsi]", [0xc5, 0xfe, 0x6f, 0x36], reads: [6], writes: []),
            Row("vpxor ymm6, ymm7, ymm6", [0xc5, 0xc5, 0xef, 0xf6], reads: [], writes: []),
            Row("andn r12d, r8d, r10d", [0xc4, 0x42, 0x38, 0xf2, 0xe2], reads: [8, 10], writes: [12]),
            Row("rorx r13d, r8d, 25", [0xc4, 0x43, 0x7b, 0xf0, 0xe8, 0x19], reads: [8], writes: [13]),
            Row("mulx r12, r13, r13", [0xc4, 0x42, 0x93, 0xf6, 0xe5], reads: [2, 13], writes: [12, 13]),
            Row("vmovdqu64 zmm0, [rsi]", [0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x06], reads: [6], writes: []),
            Row("endbr64", [0xf3, 0x0f, 0x1e, 0xfa], reads: [], writes: []),
            Row("nop [rsi]", [0x0f, 0x1f, 0x06], reads: [], writes: []),
        ])
    func amd64(_ row: Row) throws {
        let instruction = try #require(AMD64Decoder.decode(row.bytes[...], at: 0x1000))
        #expect(instruction.length == row.bytes.count)
        #expect(instruction.reads == row.reads)
        #expect(instruction.writes == row.writes)
    }

    @Test(
        "x86-64: bytes that are no instruction, or only its beginning",
        arguments: [
            [0x06], [0x60], [0x9a, 0, 0, 0, 0, 0, 0], [0xe8, 0, 0, 0], [0x48], [0x0f], [0x62, 0xf1, 0xfe],
            [0x8d, 0xc0],
            [UInt8](repeating: 0x66, count: 16), [],
        ] as [[UInt8]])
    func nothing(_ bytes: [UInt8]) {
        #expect(AMD64Decoder.decode(bytes[...], at: 0x1000) == nil)
    }

    struct Word: CustomTestStringConvertible {
        let row: Row
        let word: UInt32

        init(_ text: String, _ word: UInt32, reads: [UInt8], writes: [UInt8]) {
            row = Row(text, [], reads: reads, writes: writes)
            self.word = word
        }

        var testDescription: String { row.text }
    }

    @Test(
        "arm64",
        arguments: [
            Word("stp x29, x30, [sp, #-32]!", 0xa9be_7bfd, reads: [29, 30, 31], writes: []),
            Word("ldp x19, x20, [sp, #16]", 0xa941_53f3, reads: [31], writes: [19, 20]),
            Word("stp x6, x7, [x3], #16", 0xa881_1c66, reads: [3, 6, 7], writes: [3]),
            Word("ldr x1, [x0], #8", 0xf840_8401, reads: [0], writes: [0, 1]),
            Word("mov x19, x1", 0xaa01_03f3, reads: [1, 31], writes: [19]),
            Word("mov w2, #213", 0x5280_1aa2, reads: [], writes: [2]),
            Word("movk x1, #1", 0xf280_0021, reads: [1], writes: [1]),
            Word("csel x0, x1, x2, eq", 0x9a82_0020, reads: [1, 2], writes: [0]),
            Word("ccmp x1, #5, #0, ne", 0xfa45_1820, reads: [1], writes: []),
            Word("madd x0, x1, x2, x3", 0x9b02_0c20, reads: [1, 2, 3], writes: [0]),
            Word("rev x9, x9", 0xdac0_0d29, reads: [9], writes: [9]),
            Word("clz w10, w11", 0x5ac0_116a, reads: [11], writes: [10]),
            Word("bfi w0, w1, #8, #8", 0x3318_1c20, reads: [0, 1], writes: [0]),
            Word("ubfx w0, w1, #8, #8", 0x5308_3c20, reads: [1], writes: [0]),
            Word("ldadd x1, x2, [x0]", 0xf821_0002, reads: [0, 1], writes: [2]),
            Word("cas x1, x2, [x0]", 0xc8a1_7c02, reads: [0, 1, 2], writes: [1]),
            Word("stlxr w11, w10, [x8]", 0x880b_fd0a, reads: [8, 10], writes: [11]),
            Word("ldaxr x1, [x0]", 0xc85f_fc01, reads: [0], writes: [1]),
            Word("stlr w1, [x0]", 0x889f_fc01, reads: [0, 1], writes: []),
            Word("str x0, [x1, x2]", 0xf822_6820, reads: [0, 1, 2], writes: []),
            Word("str q1, [x9], #16", 0x3c81_0521, reads: [9], writes: [9]),
            Word("prfm pldl1keep, [x3]", 0xf980_0060, reads: [3], writes: []),
            Word("fmov x1, d0", 0x9e66_0001, reads: [], writes: [1]),
            Word("fmov d0, x1", 0x9e67_0020, reads: [1], writes: []),
            Word("scvtf d1, x8", 0x9e62_0101, reads: [8], writes: []),
            Word("dup v0.2d, x8", 0x4e08_0d00, reads: [8], writes: []),
            Word("umov w8, v2.h[0]", 0x0e02_3c48, reads: [], writes: [8]),
            Word("mrs x28, tpidr_el0", 0xd53b_d05c, reads: [], writes: [28]),
            Word("add v0.4s, v1.4s, v2.4s", 0x4ea2_8420, reads: [], writes: []),
        ])
    func arm64(_ word: Word) throws {
        let instruction = try #require(ARM64Decoder.decode(word.word, at: 0x1000))
        #expect(instruction.reads == word.row.reads)
        #expect(instruction.writes == word.row.writes)
    }

    @Test("Numbers of 32 bits are the same on both processors")
    func signs() throws {
        let x = try #require(AMD64Decoder.decode([0xbe, 0xff, 0xff, 0xff, 0xff], at: 0))
        let arm = try #require(ARM64Decoder.decode(0x1280_0000, at: 0))
        #expect(x.constant == -1 && arm.constant == -1)
        #expect(AnchorRule(texts: [], immediates: [0xffff_ffff], largestSize: 1).immediates == [-1])
    }
}
