extension AMD64Decoder {
    /// AVX and its kind (VEX, EVEX): of most only their lengths and the registers of addresses count. BMI's
    /// instructions on general registers are written this way too.
    mutating func vector(_ prefix: UInt8) -> Instruction? {
        guard let first = byte() else { return nil }
        // In 64-bit mode these bytes have no other meaning. R, X and B are stored inverted, as the second register is.
        var map: UInt8 = 1
        var last = first
        switch prefix {
        case 0xc5:
            rex = ~first >> 5 & 4
        case 0xc4:
            rex = ~first >> 5 & 7
            map = first & 0x1f
            guard let second = byte() else { return nil }
            last = second
        default:
            rex = ~first >> 5 & 7
            map = first & 7
            guard let second = byte(), byte() != nil else { return nil }
            last = second
        }
        guard let opcode = byte() else { return nil }
        if map == 1 && opcode == 0x77 { return finish(Instruction(length: 0)) }
        guard let operand = modRM() else { return nil }
        let hasImmediate =
            switch map {
            case 1: (0x70...0x73).contains(opcode) || opcode == 0xc2 || (0xc4...0xc6).contains(opcode)
            case 3: true
            case 2, 5, 6: false
            default: prefix == 0x62
            }
        if hasImmediate, signed(1) == nil { return nil }
        var result = Instruction(length: 0, reads: operand.base)
        general(
            map: map, opcode, operand, second: RegisterSet(~last >> 3 & 15), repeats: last & 3, prefix: prefix, &result)
        return finish(result)
    }

    /// General registers that are no part of an address.
    /// - Parameter repeats: The prefix that is kept there: 1 for 66, 2 for f3, 3 for f2.
    private func general(
        map: UInt8, _ opcode: UInt8, _ operand: ModRM, second: RegisterSet, repeats: UInt8, prefix: UInt8,
        _ result: inout Instruction
    ) {
        let register = RegisterSet(operand.register)
        switch (map, opcode) {
        // vcvtsi2sd, vmovd, vpinsrw, vpinsrb, vpinsrd.
        case (1, 0x2a), (1, 0x6e), (1, 0xc4), (3, 0x20), (3, 0x22): result.reads = operand.reads
        // vcvttsd2si, vmovmskps, vpmovmskb, vpextrw.
        case (1, 0x2c), (1, 0x2d), (1, 0x50), (1, 0xd7), (1, 0xc5): result.writes = register
        // vmovd; with f3 it is between vectors.
        case (1, 0x7e) where repeats == 1: result.writes = operand.writes
        case (3, 0x14...0x17): result.writes = operand.writes
        // kmov from and to general registers.
        case (1, 0x92) where prefix != 0x62: result.reads = operand.reads
        case (1, 0x93) where prefix != 0x62: result.writes = register
        // andn, bextr, bzhi, pext, pdep, sarx, shlx, shrx.
        case (2, 0xf2), (2, 0xf5), (2, 0xf7):
            result.reads = operand.reads.union(second)
            result.writes = register
        // mulx: two results, and rdx is a source.
        case (2, 0xf6):
            result.reads = operand.reads.union(RegisterSet(2))
            result.writes = register.union(second)
        // blsr, blsmsk, blsi.
        case (2, 0xf3):
            result.reads = operand.reads
            result.writes = second
        // rorx.
        case (3, 0xf0):
            result.reads = operand.reads
            result.writes = register
        // vpcmpestrm, vpcmpestri, vpcmpistri.
        case (3, 0x60): result.reads.formUnion([RegisterSet(0), RegisterSet(2)])
        case (3, 0x61):
            result.reads.formUnion([RegisterSet(0), RegisterSet(2)])
            result.writes = RegisterSet(1)
        case (3, 0x63): result.writes = RegisterSet(1)
        // Broadcasts from general registers (AVX-512).
        case (2, 0x7a...0x7c) where prefix == 0x62: result.reads = operand.reads
        default: break
        }
    }
}
