internal import ELFImage

/// Takes x86-64 code apart: where instructions end, and of the integer ones what they do (Intel SDM volume 2, chapter
/// 2 and appendix A).
struct AMD64Decoder {
    private let bytes: ArraySlice<UInt8>
    private let address: Address
    private var position: Int
    private(set) var hasOperandSize = false
    private(set) var hasAddressSize = false
    /// f2, and f3.
    private(set) var repeats: UInt8 = 0
    /// REX bits W, R, X, B, also from VEX and EVEX.
    var rex: UInt8 = 0
    private var hasREX = false

    /// The instruction that `bytes` begin with; nil where it is none, or cut off.
    /// - Parameter address: Of the first byte.
    static func decode(_ bytes: ArraySlice<UInt8>, at address: Address) -> Instruction? {
        var decoder = AMD64Decoder(bytes: bytes, address: address)
        return decoder.decode()
    }

    /// No instruction is longer.
    static let longest = 15

    private init(bytes: ArraySlice<UInt8>, address: Address) {
        self.bytes = bytes.prefix(Self.longest)
        self.address = address
        position = bytes.startIndex
    }

    mutating func byte() -> UInt8? {
        guard position < bytes.endIndex else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func signed(_ size: Int) -> Int64? {
        guard position + size <= bytes.endIndex else { return nil }
        var value: UInt64 = 0
        for index in (0..<size).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
        position += size
        let shift = UInt64(64 - size * 8)
        return Int64(bitPattern: value << shift) >> Int64(shift)
    }

    /// The operand of an instruction with a ModRM byte.
    struct ModRM {
        /// The register field, and its extension to 16 registers.
        let field: UInt8
        let register: UInt8
        /// The other register; nil where it is memory.
        let other: UInt8?
        /// Registers that a memory operand's address is made of.
        let base: RegisterSet
        /// Of a memory operand relative to the next instruction; it is added once the length is known.
        let relative: Int64?

        var reads: RegisterSet { other.map { base.union(RegisterSet($0)) } ?? base }
        /// Where the result goes if it is a register.
        var writes: RegisterSet { other.map { RegisterSet($0) } ?? [] }
    }

    mutating func modRM() -> ModRM? {
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

    /// The operand of an instruction on bytes: without a REX prefix the numbers 4 to 7 are the second bytes of the first
    /// four registers (ah, ch, dh, bh).
    mutating func byteModRM() -> ModRM? {
        guard let operand = modRM() else { return nil }
        return ModRM(
            field: operand.field, register: byteRegister(operand.register), other: operand.other.map(byteRegister),
            base: operand.base, relative: operand.relative)
    }

    func byteRegister(_ number: UInt8) -> UInt8 { hasREX ? number : number & 3 }

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
            case 0xf2, 0xf3: repeats = next
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0: break
            default: return next
            }
        }
        return nil
    }

    /// Bytes of an immediate that is four bytes long unless a prefix says two.
    var immediateSize: Int { hasOperandSize && rex & 8 == 0 ? 2 : 4 }

    func finish(_ instruction: Instruction) -> Instruction {
        var result = instruction
        result.length = position - bytes.startIndex
        return result
    }

    func target(_ distance: Int64) -> Address {
        address &+ UInt64(position - bytes.startIndex) &+ UInt64(bitPattern: distance)
    }
}
