/// Takes x86-64 code apart: where instructions end, and of the integer ones what they do (Intel SDM volume 2, chapter
/// 2 and appendix A).
struct AMD64Decoder {
    private let bytes: ArraySlice<UInt8>
    private let address: UInt64
    private var position: Int
    private var hasOperandSize = false
    private var hasAddressSize = false
    private var repeats = false
    /// REX bits W, R, X, B, also from VEX and EVEX.
    private var rex: UInt8 = 0
    private var hasREX = false

    /// The instruction that `bytes` begin with; nil where it is none, or cut off.
    /// - Parameter address: Of the first byte.
    static func decode(_ bytes: ArraySlice<UInt8>, at address: UInt64) -> Instruction? {
        var decoder = AMD64Decoder(bytes: bytes, address: address)
        return decoder.decode()
    }

    /// No instruction is longer.
    static let longest = 15

    private init(bytes: ArraySlice<UInt8>, address: UInt64) {
        self.bytes = bytes.prefix(Self.longest)
        self.address = address
        position = bytes.startIndex
    }

    private mutating func byte() -> UInt8? {
        guard position < bytes.endIndex else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func signed(_ size: Int) -> Int64? {
        guard position + size <= bytes.endIndex else { return nil }
        var value: UInt64 = 0
        for index in (0..<size).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
        position += size
        let shift = UInt64(64 - size * 8)
        return Int64(bitPattern: value << shift) >> Int64(shift)
    }

    /// The operand of an instruction with a ModRM byte.
    fileprivate struct ModRM {
        /// The register field, and its extension to 16 registers.
        let field: UInt8
        let register: UInt8
        /// The other register; nil where it is memory.
        let other: UInt8?
        /// Registers that a memory operand's address is made of.
        let base: RegisterSet
        /// Of a memory operand relative to the next instruction; it is added once the length is known.
        let relative: Int64?
    }

    private mutating func modRM() -> ModRM? {
        guard let byte = byte() else { return nil }
        let mode = byte >> 6
        let field = byte >> 3 & 7
        let low = byte & 7
        let register = field | (rex & 4) << 1
        guard mode != 3 else {
            return ModRM(field: field, register: register, other: low | (rex & 1) << 3, base: [], relative: nil)
        }
        var base: RegisterSet = []
        var displacement = mode == 1 ? 1 : mode == 2 ? 4 : 0
        var isRelative = false
        if low == 4 {
            guard let sib = self.byte() else { return nil }
            let index = sib >> 3 & 7 | (rex & 2) << 2
            if index != 4 { base.insert(RegisterSet(index)) }
            if sib & 7 == 5 && mode == 0 {
                displacement = 4
            } else {
                base.insert(RegisterSet(sib & 7 | (rex & 1) << 3))
            }
        } else if low == 5 && mode == 0 {
            displacement = 4
            isRelative = true
        } else {
            base.insert(RegisterSet(low | (rex & 1) << 3))
        }
        var relative: Int64?
        if displacement > 0 {
            guard let value = signed(displacement) else { return nil }
            if isRelative { relative = value }
        }
        return ModRM(field: field, register: register, other: nil, base: base, relative: relative)
    }

    private mutating func decode() -> Instruction? {
        guard var opcode = prefixes() else { return nil }
        if opcode & 0xf0 == 0x40 {
            hasREX = true
            rex = opcode & 0x0f
            guard let next = byte() else { return nil }
            opcode = next
        }
        switch opcode {
        case 0x0f: return twoByte()
        case 0x62, 0xc4, 0xc5: return hasREX ? nil : vector(opcode)
        default: return oneByte(opcode)
        }
    }

    /// Legacy prefixes. The opcode, or a REX prefix, follows.
    private mutating func prefixes() -> UInt8? {
        while let next = byte() {
            switch next {
            case 0x66: hasOperandSize = true
            case 0x67: hasAddressSize = true
            case 0xf2, 0xf3: repeats = true
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0: break
            default: return next
            }
        }
        return nil
    }

    /// Bytes of an immediate that is four bytes long unless a prefix says two.
    private var immediateSize: Int { hasOperandSize && rex & 8 == 0 ? 2 : 4 }

    private func finish(_ instruction: Instruction) -> Instruction {
        var result = instruction
        result.length = position - bytes.startIndex
        return result
    }

    private func target(_ distance: Int64) -> UInt64 {
        address &+ UInt64(position - bytes.startIndex) &+ UInt64(bitPattern: distance)
    }

    private mutating func oneByte(_ opcode: UInt8) -> Instruction? {
        var result = Instruction(length: 0)
        switch opcode {
        case 0x00...0x3f where opcode & 7 < 6:
            return arithmetic(opcode)
        case 0x50...0x57, 0x58...0x5f:
            let register = RegisterSet(opcode & 7 | (rex & 1) << 3)
            if opcode < 0x58 { result.reads = register } else { result.writes = register }
        case 0x63, 0x8a, 0x8b:
            guard let operand = modRM() else { return nil }
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
            result.flow = .branch(target(distance))
        case 0x80, 0x81, 0x83:
            guard let operand = modRM(), let value = signed(opcode == 0x81 ? immediateSize : 1) else { return nil }
            result.reads = operand.reads
            // add, sub and cmp; the others are no comparison with the number.
            if [0, 5, 7].contains(operand.field) { result.compared = value }
            if operand.field != 7, let other = operand.other { result.writes = RegisterSet(other) }
        case 0x84...0x87:
            guard let operand = modRM() else { return nil }
            result.reads = operand.reads.union(RegisterSet(operand.register))
        case 0x88, 0x89:
            guard let operand = modRM() else { return nil }
            result.reads = operand.base.union(RegisterSet(operand.register))
            if let other = operand.other { result.writes = RegisterSet(other) }
        case 0x8d:
            guard let operand = modRM(), operand.other == nil else { return nil }
            result.reads = operand.base
            result.writes = RegisterSet(operand.register)
            result.address = operand.relative.map(target)
        case 0x8c, 0x8e, 0x8f, 0xd0...0xd3, 0xd8...0xdf:
            guard let operand = modRM() else { return nil }
            // Floating point has no general registers but those of an address.
            result.reads = opcode >= 0xd8 ? operand.base : operand.reads
        case 0x90...0x99, 0x9b...0x9f, 0xa4...0xa7, 0xaa...0xaf, 0x6c...0x6f, 0xc9, 0xd7, 0xec...0xef, 0xf1, 0xf5,
            0xf8...0xfd:
            result.isPadding = opcode == 0x90 && rex & 1 == 0 && !repeats
        case 0xa0...0xa3:
            guard signed(hasAddressSize ? 4 : 8) != nil else { return nil }
        case 0xa8, 0xcd, 0xe4...0xe7:
            guard signed(1) != nil else { return nil }
        case 0xa9:
            guard signed(immediateSize) != nil else { return nil }
            result.reads = RegisterSet(0)
        case 0xb0...0xb7:
            guard signed(1) != nil else { return nil }
        case 0xb8...0xbf:
            guard let value = signed(rex & 8 != 0 ? 8 : immediateSize) else { return nil }
            result.constant = rex & 8 != 0 ? value : value & 0xffff_ffff
            result.writes = RegisterSet(opcode & 7 | (rex & 1) << 3)
        case 0xc0, 0xc1:
            guard let operand = modRM(), signed(1) != nil else { return nil }
            result.reads = operand.reads
        case 0xc2, 0xca:
            guard signed(2) != nil else { return nil }
            result.flow = .end
        case 0xc3, 0xcb, 0xcc, 0xcf, 0xf4:
            result.flow = .end
            result.isPadding = opcode == 0xcc
        case 0xc6, 0xc7:
            guard let operand = modRM(), let value = signed(opcode == 0xc6 ? 1 : immediateSize) else { return nil }
            result.reads = operand.base
            result.constant = value
            if let other = operand.other { result.writes = RegisterSet(other) }
        case 0xc8:
            guard signed(2) != nil, signed(1) != nil else { return nil }
        case 0xe8, 0xe9:
            guard let distance = signed(4) else { return nil }
            result.flow = opcode == 0xe8 ? .call(target(distance)) : .jump(target(distance))
        case 0xeb:
            guard let distance = signed(1) else { return nil }
            result.flow = .jump(target(distance))
        case 0xf6, 0xf7:
            guard let operand = modRM() else { return nil }
            if operand.field < 2, signed(opcode == 0xf6 ? 1 : immediateSize) == nil { return nil }
            result.reads = operand.reads
        case 0xfe:
            guard let operand = modRM(), operand.field < 2 else { return nil }
            result.reads = operand.reads
        case 0xff:
            guard let operand = modRM(), operand.field != 7 else { return nil }
            result.reads = operand.reads
            switch operand.field {
            case 2, 3: result.flow = .indirectCall
            case 4, 5: result.flow = .indirectJump
            default: break
            }
        default:
            return nil
        }
        return finish(result)
    }

    /// add, or, adc, sbb, and, sub, xor and cmp with registers and memory.
    private mutating func arithmetic(_ opcode: UInt8) -> Instruction? {
        var result = Instruction(length: 0)
        let operation = opcode >> 3
        switch opcode & 7 {
        case 4:
            guard let value = signed(1) else { return nil }
            result.reads = RegisterSet(0)
            if [0, 5, 7].contains(operation) { result.compared = value }
        case 5:
            guard let value = signed(immediateSize) else { return nil }
            result.reads = RegisterSet(0)
            if [0, 5, 7].contains(operation) { result.compared = value }
        default:
            guard let operand = modRM() else { return nil }
            result.comparesRegisters = [0, 5, 7].contains(operation)
            let clears = (operation == 5 || operation == 6) && operand.other == operand.register
            result.reads = clears ? [] : operand.reads.union(RegisterSet(operand.register))
            guard operation != 7 else { break }
            if opcode & 2 != 0 {
                result.writes = RegisterSet(operand.register)
            } else if let other = operand.other {
                result.writes = RegisterSet(other)
            }
        }
        return finish(result)
    }

    private mutating func twoByte() -> Instruction? {
        guard let opcode = byte() else { return nil }
        var result = Instruction(length: 0)
        switch opcode {
        case 0x38, 0x3a:
            guard byte() != nil, let operand = modRM() else { return nil }
            if opcode == 0x3a, signed(1) == nil { return nil }
            result.reads = operand.base
        case 0x05, 0x06, 0x07, 0x08, 0x09, 0x0e, 0x30...0x35, 0x37, 0x77, 0xa0...0xa2, 0xa8...0xaa, 0xc8...0xcf:
            break
        case 0x0b:
            result.flow = .end
        case 0x80...0x8f:
            guard let distance = signed(4) else { return nil }
            result.flow = .branch(target(distance))
        case 0x0f, 0x70...0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4...0xc6:
            guard let operand = modRM(), signed(1) != nil else { return nil }
            result.reads = opcode == 0xa4 || opcode == 0xac || opcode == 0xba ? operand.reads : operand.base
        case 0x04, 0x0a, 0x0c, 0x24...0x27, 0x36, 0x39, 0x3b...0x3f:
            return nil
        case 0x40...0x4f, 0xaf, 0xb6, 0xb7, 0xb8, 0xbc...0xbf:
            // cmov, imul, movzx, movsx, popcnt, bsf, bsr.
            guard let operand = modRM() else { return nil }
            result.reads = operand.reads
            // A cmov may leave its target as it is.
            if opcode >= 0x50 { result.writes = RegisterSet(operand.register) }
        case 0x6e, 0x90...0x9f, 0xa3, 0xa5, 0xab, 0xad, 0xb0, 0xb1, 0xb3, 0xbb, 0xc0, 0xc1:
            guard let operand = modRM() else { return nil }
            result.reads = operand.reads.union(opcode == 0x6e || opcode < 0xa0 ? [] : RegisterSet(operand.register))
        case 0x1e, 0x1f:
            guard let operand = modRM() else { return nil }
            result.isPadding = opcode == 0x1f
            // endbr64 and its kind; their operand means nothing.
            if opcode == 0x1f || operand.other != nil { break }
            result.reads = operand.base
        default:
            guard let operand = modRM() else { return nil }
            result.reads = operand.base
        }
        return finish(result)
    }

    /// AVX and its kind (VEX, EVEX): only their lengths and the registers of addresses count.
    private mutating func vector(_ prefix: UInt8) -> Instruction? {
        guard let first = byte() else { return nil }
        // In 64-bit mode these bytes have no other meaning. R, X and B are stored inverted.
        var map: UInt8 = 1
        switch prefix {
        case 0xc5:
            rex = ~first >> 5 & 4
        case 0xc4:
            rex = ~first >> 5 & 7
            map = first & 0x1f
            guard byte() != nil else { return nil }
        default:
            rex = ~first >> 5 & 7
            map = first & 7
            guard byte() != nil, byte() != nil else { return nil }
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
        return finish(Instruction(length: 0, reads: operand.base))
    }
}

extension AMD64Decoder.ModRM {
    fileprivate var reads: RegisterSet { other.map { base.union(RegisterSet($0)) } ?? base }
}
