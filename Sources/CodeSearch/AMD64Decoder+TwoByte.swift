extension AMD64Decoder {
    mutating func twoByte() -> Instruction? {
        guard let opcode = byte() else { return nil }
        var result = Instruction(length: 0)
        switch opcode {
        case 0x38, 0x3a:
            return threeByte(opcode)
        case 0x06, 0x07, 0x08, 0x09, 0x0e, 0x35, 0x37, 0x77, 0xa0, 0xa1, 0xa8...0xaa:
            break
        case 0x05, 0x34:
            // syscall leaves rcx and r11 changed.
            result.writes = [RegisterSet(0), RegisterSet(1), RegisterSet(11)]
        case 0x30: result.reads = [RegisterSet(0), RegisterSet(1), RegisterSet(2)]
        case 0x31...0x33:
            // rdtsc, rdmsr, rdpmc.
            result.reads = opcode == 0x31 ? [] : RegisterSet(1)
            result.writes = [RegisterSet(0), RegisterSet(2)]
        case 0xa2:
            result.reads = [RegisterSet(0), RegisterSet(1)]
            result.writes = [RegisterSet(0), RegisterSet(1), RegisterSet(2), RegisterSet(3)]
        case 0xc8...0xcf:
            result.reads = RegisterSet(opcode & 7 | (rex & 1) << 3)
            result.writes = result.reads
        case 0x0b:
            result.flow = .end
        case 0x80...0x8f:
            guard let distance = signed(4) else { return nil }
            result.flow = .branch(target(distance))
        case 0x0f, 0x70...0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4...0xc6:
            guard let operand = modRM(), signed(1) != nil else { return nil }
            switch opcode {
            case 0xa4, 0xac:
                result.reads = operand.reads.union(RegisterSet(operand.register))
                result.writes = operand.writes
            case 0xba:
                result.reads = operand.reads
                // bt only looks.
                if operand.field != 4 { result.writes = operand.writes }
            // pinsrw takes a general register, pextrw gives one.
            case 0xc4: result.reads = operand.reads
            case 0xc5: result.writes = RegisterSet(operand.register)
            default: result.reads = operand.base
            }
        case 0x04, 0x0a, 0x0c, 0x24...0x27, 0x36, 0x39, 0x3b...0x3f:
            return nil
        case 0x02, 0x03, 0x40...0x4f, 0xaf, 0xb6...0xb8, 0xbc...0xbf:
            // cmov, imul, movzx, movsx, popcnt, bsf, bsr.
            guard let operand = opcode == 0xb6 || opcode == 0xbe ? byteSource() : modRM() else { return nil }
            result.reads = operand.reads
            if opcode == 0xaf { result.reads.formUnion(RegisterSet(operand.register)) }
            // A cmov may leave its target as it is.
            if opcode & 0xf0 != 0x40 { result.writes = RegisterSet(operand.register) }
        case 0x2a, 0x6e, 0x90...0x9f:
            guard let operand = opcode >= 0x90 ? byteModRM() : modRM() else { return nil }
            // setcc only writes. cvtsi2sd and movd read general registers, cvtpi2ps does not.
            guard opcode < 0x90 else {
                (result.reads, result.writes) = (operand.base, operand.writes)
                break
            }
            result.reads = opcode == 0x2a && repeats == 0 ? operand.base : operand.reads
        case 0x2c, 0x2d, 0x50, 0xd7:
            // cvttsd2si and its kind; movmskps and pmovmskb.
            guard let operand = modRM() else { return nil }
            result.reads = operand.base
            if repeats != 0 || opcode >= 0x50 { result.writes = RegisterSet(operand.register) }
        case 0x7e:
            guard let operand = modRM() else { return nil }
            result.reads = operand.base
            // With f3 it is a movq between vectors.
            if repeats != 0xf3 { result.writes = operand.writes }
        case 0xa3, 0xa5, 0xab, 0xad, 0xb0, 0xb1, 0xb3, 0xbb, 0xc0, 0xc1:
            guard let operand = opcode == 0xb0 || opcode == 0xc0 ? byteModRM() : modRM() else { return nil }
            result.reads = operand.reads.union(RegisterSet(operand.register))
            if opcode != 0xa3 { result.writes = operand.writes }
            switch opcode {
            // shld and shrd by cl; cmpxchg; xadd.
            case 0xa5, 0xad: result.reads.formUnion(RegisterSet(1))
            case 0xb0, 0xb1:
                result.reads.formUnion(RegisterSet(0))
                result.writes.formUnion(RegisterSet(0))
            case 0xc0, 0xc1: result.writes.formUnion(RegisterSet(operand.register))
            default: break
            }
        case 0xc3:
            // movnti.
            guard let operand = modRM() else { return nil }
            result.reads = operand.base.union(RegisterSet(operand.register))
        case 0xc7:
            guard let operand = modRM() else { return nil }
            result.reads = operand.base
            if operand.other != nil {
                // rdrand, rdseed, rdpid.
                result.writes = operand.writes
            } else if operand.field == 1 {
                // cmpxchg8b, cmpxchg16b.
                result.reads.formUnion([RegisterSet(0), RegisterSet(1), RegisterSet(2), RegisterSet(3)])
                result.writes = [RegisterSet(0), RegisterSet(2)]
            }
        case 0x01:
            guard let operand = modRM() else { return nil }
            result.reads = operand.base
            // xgetbv, and rdtscp.
            if operand.other == 0 && operand.field == 2 {
                (result.reads, result.writes) = (RegisterSet(1), [RegisterSet(0), RegisterSet(2)])
            } else if operand.other == 1 && operand.field == 7 {
                result.writes = [RegisterSet(0), RegisterSet(1), RegisterSet(2)]
            }
        case 0x1e, 0x1f:
            guard let operand = modRM() else { return nil }
            result.isPadding = opcode == 0x1f
            // endbr64 and its kind; their operand means nothing. rdsspq leaves its register as it is on old processors.
            if opcode == 0x1f || operand.other != nil { break }
            result.reads = operand.base
        default:
            guard let operand = modRM() else { return nil }
            result.reads = operand.base
        }
        return finish(result)
    }

    /// The operand of movzx and movsx: only the source is a byte.
    private mutating func byteSource() -> ModRM? {
        guard let operand = modRM() else { return nil }
        return ModRM(
            field: operand.field, register: operand.register, other: operand.other.map(byteRegister),
            base: operand.base, relative: operand.relative)
    }

    private mutating func threeByte(_ map: UInt8) -> Instruction? {
        guard let opcode = byte(), let operand = modRM() else { return nil }
        if map == 0x3a, signed(1) == nil { return nil }
        var result = Instruction(length: 0, reads: operand.base)
        switch (map, opcode) {
        // pextrb, pextrw, pextrd and extractps give a general register, pinsrb and pinsrd take one.
        case (0x3a, 0x14...0x17): result.writes = operand.writes
        case (0x3a, 0x20), (0x3a, 0x22): result.reads = operand.reads
        // pcmpestri and pcmpestrm have their lengths in rax and rdx; they and pcmpistri count in rcx.
        case (0x3a, 0x60), (0x3a, 0x61):
            result.reads.formUnion([RegisterSet(0), RegisterSet(2)])
            if opcode == 0x61 { result.writes = RegisterSet(1) }
        case (0x3a, 0x63): result.writes = RegisterSet(1)
        case (0x38, 0xf0), (0x38, 0xf1):
            // crc32 with f2, or else movbe from and to memory.
            let register = RegisterSet(operand.register)
            result.reads = operand.reads.union(repeats == 0xf2 || opcode == 0xf1 ? register : [])
            if repeats == 0xf2 || opcode == 0xf0 { result.writes = register }
        case (0x38, 0xf6):
            // adcx and adox.
            result.reads = operand.reads.union(RegisterSet(operand.register))
            result.writes = RegisterSet(operand.register)
        case (0x38, 0xf9): result.reads.formUnion(RegisterSet(operand.register))
        default: break
        }
        return finish(result)
    }
}
