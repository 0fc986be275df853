internal import ELFImage

/// What is known about code without disassembling it.
enum InstructionSet {
    case amd64, arm64

    init?(_ machine: Machine) {
        switch machine {
        case .amd64: self = .amd64
        case .arm64: self = .arm64
        case .other: return nil
        }
    }

    var alignment: UInt64 { self == .amd64 ? 1 : 4 }

    /// Bytes.
    var landingPadSize: Int { 4 }

    /// The landing pad for indirect branches that the function begins with. It changes nothing, and the probe is cheap
    /// behind it: the kernel emulates `push` and `nop` (0.6 µs a call) but single-steps `endbr64` (11 to 17 µs in a
    /// virtual machine).
    func landingPad(_ code: [UInt8]) -> String? {
        switch self {
        case .amd64: code.starts(with: [0xf3, 0x0f, 0x1e, 0xfa]) ? "endbr64" : nil
        // hint #34, little endian.
        case .arm64: code.starts(with: [0x5f, 0x24, 0x03, 0xd5]) ? "bti c" : nil
        }
    }

    /// The name of the instruction that `code` begins with, where functions begin with it; else its first bytes.
    func name(of code: ArraySlice<UInt8>) -> String {
        switch self {
        case .amd64:
            let rest = code.first.map { $0 & 0xf0 == 0x40 } ?? false ? code.dropFirst() : code
            guard let opcode = rest.first else { break }
            switch opcode {
            case 0x50...0x57: return "push"
            case 0x89, 0x8b, 0xb8...0xbf, 0xc6, 0xc7: return "mov"
            case 0x85, 0x84: return "test"
            case 0x8d: return "lea"
            case 0x31, 0x33: return "xor"
            case 0x39, 0x3b, 0x3d: return "cmp"
            case 0x90: return "nop"
            case 0xe9, 0xeb: return "jmp"
            case 0x80, 0x81, 0x83:
                let names = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"]
                return rest.dropFirst().first.map { names[Int($0 >> 3 & 7)] } ?? "cmp"
            case 0x0f where rest.dropFirst().first == 0x1f: return "nop"
            default: break
            }
        case .arm64:
            let word = code.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            switch word {
            case 0xd503_233f: return "paciasp"
            case 0xd503_201f: return "nop"
            default: break
            }
            if word >> 22 & 0x1ff == 0b0_1010_0110 || word >> 22 & 0x1ff == 0b0_1010_0100 { return "stp" }
            switch word >> 23 & 0xff {
            case 0b1010_0010: return "sub"
            case 0b0010_0010: return "add"
            default: break
            }
            if word & 0x7fe0_ffe0 == 0x2a00_03e0 { return "mov" }
            if word & 0x7f00_0000 == 0x3400_0000 { return "cbz" }
        }
        let digits = Array("0123456789abcdef")
        return code.prefix(4).map { String([digits[Int($0 >> 4)], digits[Int($0 & 15)]]) }.joined(separator: " ")
    }

    /// False for padding and traps, which no function begins with.
    func isCode(_ code: ArraySlice<UInt8>) -> Bool {
        guard let first = code.first else { return false }
        switch self {
        // int3, and add %al,(%rax), which zeroes decode to.
        case .amd64: return first != 0xcc && !(code.count >= 2 && code.prefix(2).allSatisfy { $0 == 0 })
        // udf #0, and brk: 0xd42 in the upper bits.
        case .arm64:
            let word = Array(code.prefix(4))
            return word.count == 4 && word != [0, 0, 0, 0] && !(word[3] == 0xd4 && word[2] & 0xe0 == 0x20)
        }
    }
}
