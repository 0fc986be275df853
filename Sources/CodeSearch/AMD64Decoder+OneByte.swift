extension AMD64Decoder {
    private static let rax = RegisterSet(0)
    private static let rcx = RegisterSet(1)
    private static let rdx = RegisterSet(2)
    private static let rsi = RegisterSet(6)
    private static let rdi = RegisterSet(7)

    mutating func oneByte(_ opcode: UInt8) -> Instruction? {
        var result = Instruction(length: 0)
        switch opcode {
        case 0x00...0x3f where opcode & 7 < 6:
            return arithmetic(opcode)
        case 0x50...0x57, 0x58...0x5f:
            let register = RegisterSet(opcode & 7 | (rex & 1) << 3)
            if opcode < 0x58 { result.reads = register } else { result.writes = register }
        case 0x63, 0x8a, 0x8b:
            guard let operand = opcode == 0x8a ? byteModRM() : modRM() else { return nil }
            result.reads = operand.reads
            result.writes = RegisterSet(operand.register)
        case 0x68, 0x6a:
            guard let value = signed(opcode == 0x6a ? 1 : immediateSize) else { return nil }
            result.constant = value
        case 0x69, 0x6b:
            guard let operand = modRM(), signed(opcode == 0x6b ? 1 : immediateSize) != nil else { return nil }
            result.reads = operand.reads
            result.writes = RegisterSet(operand.register)
        case 0x70...0x7f, 0xe0...0xe3:
            guard let distance = signed(1) else { return nil }
            // loop and jrcxz.
            if opcode >= 0xe0 { result.reads = Self.rcx }
            result.flow = .branch(target(distance))
        case 0x80, 0x81, 0x83:
            guard let operand = opcode == 0x80 ? byteModRM() : modRM(),
                let value = signed(opcode == 0x81 ? immediateSize : 1)
            else { return nil }
            result.reads = operand.reads
            // add, sub and cmp; the others are no comparison with the number.
            if [0, 5, 7].contains(operand.field) { result.compared = value }
            if operand.field != 7 { result.writes = operand.writes }
        case 0x84...0x87:
            guard let operand = opcode & 1 == 0 ? byteModRM() : modRM() else { return nil }
            result.reads = operand.reads.union(RegisterSet(operand.register))
            if opcode >= 0x86 { result.writes = operand.writes.union(RegisterSet(operand.register)) }
        case 0x88, 0x89:
            guard let operand = opcode == 0x88 ? byteModRM() : modRM() else { return nil }
            result.reads = operand.base.union(RegisterSet(operand.register))
            result.writes = operand.writes
        case 0x8d:
            guard let operand = modRM(), operand.other == nil else { return nil }
            result.reads = operand.base
            result.writes = RegisterSet(operand.register)
            result.address = operand.relative.map(target)
        case 0x8c, 0x8e, 0x8f, 0xd8...0xdf:
            guard let operand = modRM() else { return nil }
            switch opcode {
            case 0x8c, 0x8f:
                result.reads = operand.base
                result.writes = operand.writes
            case 0x8e: result.reads = operand.reads
            // Floating point has no general registers but those of an address, and ax for its flags.
            default:
                result.reads = operand.base
                if opcode == 0xdf && operand.other != nil && operand.field == 4 { result.writes = Self.rax }
            }
        case 0x90...0x97:
            let register = RegisterSet(opcode & 7 | (rex & 1) << 3)
            if register == Self.rax {
                result.isPadding = repeats == 0
            } else {
                result.reads = register.union(Self.rax)
                result.writes = result.reads
            }
        case 0x98, 0x99, 0x9b...0x9f, 0xc9, 0xd7, 0xec...0xef, 0xf1, 0xf5, 0xf8...0xfd:
            implicit(opcode, &result)
        case 0x6c...0x6f, 0xa4...0xa7, 0xaa...0xaf:
            string(opcode, &result)
        case 0xa0...0xa3:
            guard signed(hasAddressSize ? 4 : 8) != nil else { return nil }
            if opcode < 0xa2 { result.writes = Self.rax } else { result.reads = Self.rax }
        case 0xcd, 0xe4...0xe7:
            guard signed(1) != nil else { return nil }
        case 0xa8, 0xa9:
            guard signed(opcode == 0xa8 ? 1 : immediateSize) != nil else { return nil }
            result.reads = Self.rax
        case 0xb0...0xb7:
            guard signed(1) != nil else { return nil }
            result.writes = RegisterSet(byteRegister(opcode & 7 | (rex & 1) << 3))
        case 0xb8...0xbf:
            guard let value = signed(rex & 8 != 0 ? 8 : immediateSize) else { return nil }
            result.constant = value
            result.writes = RegisterSet(opcode & 7 | (rex & 1) << 3)
        case 0xc0, 0xc1, 0xd0...0xd3:
            guard let operand = opcode & 1 == 0 ? byteModRM() : modRM() else { return nil }
            if opcode < 0xd0, signed(1) == nil { return nil }
            result.reads = operand.reads.union(opcode >= 0xd2 ? Self.rcx : [])
            result.writes = operand.writes
        case 0xc2, 0xca:
            guard signed(2) != nil else { return nil }
            result.flow = .end
            result.isReturn = true
        case 0xc3, 0xcb, 0xcc, 0xcf, 0xf4:
            result.flow = .end
            result.isPadding = opcode == 0xcc
            result.isReturn = opcode == 0xc3 || opcode == 0xcb
        case 0xc6, 0xc7:
            guard let operand = opcode == 0xc6 ? byteModRM() : modRM(),
                let value = signed(opcode == 0xc6 ? 1 : immediateSize)
            else { return nil }
            result.reads = operand.base
            result.constant = value
            result.writes = operand.writes
        case 0xc8:
            guard signed(2) != nil, signed(1) != nil else { return nil }
        case 0xe8, 0xe9:
            guard let distance = signed(4) else { return nil }
            result.flow = opcode == 0xe8 ? .call(target(distance)) : .jump(target(distance))
        case 0xeb:
            guard let distance = signed(1) else { return nil }
            result.flow = .jump(target(distance))
        case 0xf6, 0xf7:
            guard let operand = opcode == 0xf6 ? byteModRM() : modRM() else { return nil }
            if operand.field < 2, signed(opcode == 0xf6 ? 1 : immediateSize) == nil { return nil }
            result.reads = operand.reads
            switch operand.field {
            case 2, 3: result.writes = operand.writes
            // mul and imul; div and idiv divide both registers.
            case 4, 5, 6, 7:
                let pair = opcode == 0xf6 ? Self.rax : Self.rax.union(Self.rdx)
                result.reads.formUnion(operand.field < 6 ? Self.rax : pair)
                result.writes = pair
            default: break
            }
        case 0xfe:
            guard let operand = byteModRM(), operand.field < 2 else { return nil }
            result.reads = operand.reads
            result.writes = operand.writes
        case 0xff:
            guard let operand = modRM(), operand.field != 7 else { return nil }
            result.reads = operand.reads
            switch operand.field {
            case 0, 1: result.writes = operand.writes
            case 2, 3: result.flow = .indirectCall
            case 4, 5: result.flow = .indirectJump
            default: break
            }
        default:
            return nil
        }
        return finish(result)
    }

    /// Instructions of one byte with registers of their own.
    private func implicit(_ opcode: UInt8, _ result: inout Instruction) {
        switch opcode {
        // cbw, cwde, cdqe; cwd, cdq, cqo.
        case 0x98: (result.reads, result.writes) = (Self.rax, Self.rax)
        case 0x99: (result.reads, result.writes) = (Self.rax, Self.rdx)
        case 0x9e: result.reads = Self.rax
        case 0x9f: result.writes = Self.rax
        // leave.
        case 0xc9: (result.reads, result.writes) = (RegisterSet(5), [RegisterSet(4), RegisterSet(5)])
        // xlat.
        case 0xd7: (result.reads, result.writes) = ([Self.rax, RegisterSet(3)], Self.rax)
        // in and out.
        case 0xec, 0xed: (result.reads, result.writes) = (Self.rdx, Self.rax)
        case 0xee, 0xef: result.reads = [Self.rax, Self.rdx]
        default: break
        }
    }

    private func string(_ opcode: UInt8, _ result: inout Instruction) {
        let places: RegisterSet
        switch opcode & 0xfe {
        // ins, stos, scas; outs, lods; movs, cmps.
        case 0x6c, 0xaa, 0xae: places = Self.rdi
        case 0x6e, 0xac: places = Self.rsi
        default: places = [Self.rsi, Self.rdi]
        }
        let counter = repeats == 0 ? [] : Self.rcx
        result.reads = places.union(counter)
        result.writes = result.reads
        switch opcode & 0xfe {
        case 0x6c, 0x6e: result.reads.formUnion(Self.rdx)
        case 0xaa, 0xae: result.reads.formUnion(Self.rax)
        case 0xac: result.writes.formUnion(Self.rax)
        default: break
        }
    }

    /// add, or, adc, sbb, and, sub, xor and cmp with registers and memory.
    private mutating func arithmetic(_ opcode: UInt8) -> Instruction? {
        var result = Instruction(length: 0)
        let operation = opcode >> 3
        switch opcode & 7 {
        case 4, 5:
            guard let value = signed(opcode & 7 == 4 ? 1 : immediateSize) else { return nil }
            result.reads = Self.rax
            if operation != 7 { result.writes = Self.rax }
            if [0, 5, 7].contains(operation) { result.compared = value }
        default:
            guard let operand = opcode & 1 == 0 ? byteModRM() : modRM() else { return nil }
            result.comparesRegisters = [0, 5, 7].contains(operation)
            // sub, xor and sbb of a register with itself.
            let clears = [3, 5, 6].contains(operation) && operand.other == operand.register && opcode & 1 != 0
            result.reads = clears ? [] : operand.reads.union(RegisterSet(operand.register))
            guard operation != 7 else { break }
            result.writes = opcode & 2 != 0 ? RegisterSet(operand.register) : operand.writes
        }
        return finish(result)
    }
}
