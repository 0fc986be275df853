internal import ELFImage

/// Takes AArch64 code apart, as far as finding functions needs it (Arm ARM, C4.1, "A64 instruction set encoding").
enum ARM64Decoder {
    static let length = 4

    /// The instruction at `address`; nil for a word that is set aside to be none (`udf`).
    static func decode(_ word: UInt32, at address: Address) -> Instruction? {
        var result = Instruction(length: length)
        let n = RegisterSet(UInt8(word >> 5 & 31))
        switch word >> 25 & 15 {
        case 0: return nil
        case 0b1000, 0b1001: immediate(word, at: address, &result)
        case 0b1010, 0b1011: branch(word, at: address, &result)
        case 0b0100, 0b0110, 0b1100, 0b1110: memory(word, &result)
        case 0b0101, 0b1101:
            let m = RegisterSet(UInt8(word >> 16 & 31))
            // rev, clz and their kind have an opcode where the others have a second source.
            result.reads = word >> 21 & 0x3ff == 0b10_1101_0110 ? n : n.union(m)
            // Four groups have a third source, the rest in this space has none there.
            if word >> 24 & 31 == 0b11011 { result.reads.insert(RegisterSet(UInt8(word >> 10 & 31))) }
            result.writes = d(word)
            // add, sub and their kind, with registers.
            result.comparesRegisters = word >> 24 & 31 == 0b01011
            // mov is orr with the zero register, number 31, which nothing asks for.
            // ccmp and ccmn keep flags where the register's number would be.
            if word >> 21 & 0xff == 0b1101_0010 {
                result.writes = []
                if word >> 11 & 1 != 0 {
                    result.reads = n
                    result.compared = Int64(word >> 16 & 31)
                }
            }
        case 0b0111, 0b1111: vector(word, &result)
        // The scalable vector extension, and what is set aside.
        default: break
        }
        // 32 bits at a time are signed, as x86-64 writes them.
        if word >> 31 == 0 { result.constant = result.constant.map { Int64(Int32(truncatingIfNeeded: $0)) } }
        // The zero register and the stack pointer have the number 31.
        result.writes.remove(RegisterSet(31))
        return result
    }

    static func d(_ word: UInt32) -> RegisterSet { RegisterSet(UInt8(word & 31)) }

    private static func immediate(_ word: UInt32, at address: Address, _ result: inout Instruction) {
        let n = RegisterSet(UInt8(word >> 5 & 31))
        let isNegative = word >> 30 & 1 != 0
        result.writes = d(word)
        switch word >> 23 & 7 {
        case 0, 1:
            // adr, and adrp: of the page.
            let distance = signExtended(word >> 5 & 0x7ffff, 19) << 2 | Int64(word >> 29 & 3)
            result.address =
                word >> 31 == 0
                ? address &+ UInt64(bitPattern: distance)
                : Address(address.value & ~0xfff) &+ UInt64(bitPattern: distance << 12)
        case 2:
            // add and sub.
            result.reads = n
            let value = Int64(word >> 10 & 0xfff) << (word >> 22 & 1 != 0 ? 12 : 0)
            if word >> 29 & 1 != 0 || word >> 5 & 31 != 31 { result.compared = isNegative ? value : -value }
        case 4:
            result.reads = n
            if let value = logicalImmediate(word) {
                // orr from the zero register is a mov.
                if word >> 29 & 3 == 1 && word >> 5 & 31 == 31 { result.constant = value }
            }
        case 5:
            let value = Int64(word >> 5 & 0xffff) << (16 * Int64(word >> 21 & 3))
            switch word >> 29 & 3 {
            case 0: result.constant = ~value
            case 2: result.constant = value
            // movk keeps the rest.
            default: result.reads = d(word)
            }
        case 7:
            result.reads = n.union(RegisterSet(UInt8(word >> 16 & 31)))
        default:
            // Bit fields; bfm keeps the rest of its target.
            result.reads = word >> 29 & 3 == 1 ? n.union(d(word)) : n
        }
    }

    private static func branch(_ word: UInt32, at address: Address, _ result: inout Instruction) {
        func target(_ field: UInt32, _ bits: UInt32) -> Address {
            address &+ UInt64(bitPattern: signExtended(field & ((1 << bits) - 1), bits) << 2)
        }
        switch word >> 26 {
        case 0b000101: result.flow = .jump(target(word, 26))
        case 0b100101: result.flow = .call(target(word, 26))
        case 0b010101: result.flow = .branch(target(word >> 5, 19))
        case 0b001101, 0b101101:
            // cbz, and tbz.
            result.reads = d(word)
            result.flow = .branch(word >> 25 & 1 == 0 ? target(word >> 5, 19) : target(word >> 5, 14))
        default:
            if word >> 24 == 0xd4 {
                // brk and hlt end a function; svc and its kind do not.
                if word >> 21 & 7 == 1 || word >> 21 & 7 == 2 { result.flow = .end }
            } else if word >> 25 == 0b1101011 {
                if word >> 21 & 15 != 2 { result.reads = RegisterSet(UInt8(word >> 5 & 31)) }
                switch word >> 21 & 7 {
                case 0: result.flow = .indirectJump
                case 1: result.flow = .indirectCall
                default:
                    result.flow = .end
                    result.isReturn = true
                }
            } else if word == 0xd503_201f {
                result.isPadding = true
            } else if word >> 20 == 0xd53 {
                // mrs.
                result.writes = d(word)
            } else if word >> 20 == 0xd51 {
                result.reads = d(word)
            }
        }
    }

    /// Floating point and vectors: their registers are others, but for moves and conversions.
    private static func vector(_ word: UInt32, _ result: inout Instruction) {
        let n = RegisterSet(UInt8(word >> 5 & 31))
        if word & 0x5f20_fc00 == 0x1e20_0000 || word & 0x5f20_0000 == 0x1e00_0000 {
            // scvtf, ucvtf, fmov from a general register; fcvt… and fmov to one.
            if [2, 3, 7].contains(word >> 16 & 7) { result.reads = n } else { result.writes = d(word) }
        } else if word & 0x9fe0_8400 == 0x0e00_0400 {
            switch word >> 11 & 15 {
            // dup and ins; smov and umov.
            case 0b0001, 0b0011: result.reads = n
            case 0b0101, 0b0111: result.writes = word >> 29 & 1 == 0 ? d(word) : []
            default: break
            }
        }
    }

    static func signExtended(_ value: UInt32, _ bits: UInt32) -> Int64 {
        Int64(bitPattern: UInt64(value) << UInt64(64 - bits)) >> Int64(64 - bits)
    }

    /// The mask that a logical instruction holds (Arm ARM, DecodeBitMasks); nil for none.
    private static func logicalImmediate(_ word: UInt32) -> Int64? {
        let is64Bit = word >> 31 != 0
        let imms = word >> 10 & 63
        let immr = word >> 16 & 63
        let combined = (word >> 22 & 1) << 6 | (~imms & 63)
        guard combined > 0 else { return nil }
        let length = 31 - UInt32(combined.leadingZeroBitCount)
        guard length >= 1, is64Bit || length < 6 else { return nil }
        let size = UInt64(1) << UInt64(length)
        let ones = (UInt64(imms) & (size - 1)) + 1
        let rotation = UInt64(immr) & (size - 1)
        guard ones < size else { return nil }
        let mask = size == 64 ? UInt64.max : (1 << size) - 1
        let pattern = (UInt64(1) << ones) - 1
        let rotated = (pattern >> rotation | (rotation == 0 ? 0 : pattern << (size - rotation))) & mask
        var value: UInt64 = 0
        for start in stride(from: UInt64(0), to: is64Bit ? 64 : 32, by: Int(size)) { value |= rotated << start }
        return Int64(bitPattern: value)
    }
}
