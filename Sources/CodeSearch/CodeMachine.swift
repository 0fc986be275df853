internal import ELFImage
internal import OS

/// The processors whose code is understood.
enum CodeMachine: Sendable {
    case amd64, arm64

    init?(_ machine: Machine) {
        switch machine {
        case .amd64: self = .amd64
        case .arm64: self = .arm64
        case .other: return nil
        }
    }

    /// Bytes; instructions begin at multiples of it.
    var alignment: Int { self == .amd64 ? 1 : 4 }

    /// Bytes of the longest instruction.
    var longestInstruction: Int { self == .amd64 ? AMD64Decoder.longest : ARM64Decoder.length }

    /// The register that holds argument `index` when a C function begins (System V ABI 3.2.3, AAPCS64 6.4).
    func argumentRegister(_ index: Int) -> RegisterSet {
        switch self {
        // rdi, rsi, rdx, rcx, r8, r9.
        case .amd64: [7, 6, 2, 1, 8, 9].indices.contains(index) ? RegisterSet([7, 6, 2, 1, 8, 9][index]) : []
        case .arm64: RegisterSet(UInt8(index & 7))
        }
    }

    /// Registers that a called function may change, and gives nothing back in, but for results of two words.
    var undefinedAfterCalls: RegisterSet { clobbered.subtracting(RegisterSet(0)) }

    /// Registers that a called function may change.
    var clobbered: RegisterSet {
        switch self {
        case .amd64: [0, 1, 2, 6, 7, 8, 9, 10, 11].reduce(into: []) { $0.insert(RegisterSet($1)) }
        case .arm64: (UInt8(0)..<18).reduce(into: []) { $0.insert(RegisterSet($1)) }
        }
    }
}

/// Bytes of code with the address of the first.
struct CodeBytes: Sendable {
    let machine: CodeMachine
    let address: Address
    let bytes: [UInt8]

    var end: Address { address &+ UInt64(bytes.count) }

    /// The instruction at an address; nil where there is none.
    func instruction(at target: Address) -> Instruction? {
        guard target < end, let distance = target.distance(from: address) else { return nil }
        let position = Int(distance)
        switch machine {
        case .amd64:
            return AMD64Decoder.decode(bytes[position...], at: target)
        case .arm64:
            return word(at: target).flatMap { ARM64Decoder.decode($0, at: target) }
        }
    }

    /// Four bytes, little endian.
    func word(at target: Address) -> UInt32? {
        guard let distance = target.distance(from: address), let position = Int(exactly: distance),
            position <= bytes.count - 4
        else { return nil }
        return UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
            | UInt32(bytes[position + 3]) << 24
    }

    /// As `ByteSearch.firstRelative`.
    func firstRelative(into targets: ClosedRange<Address>, from start: Int) -> Int? {
        ByteSearch.firstRelative(
            into: targets.lowerBound.value...targets.upperBound.value, in: bytes, at: address.value, from: start)
    }

    /// Where x86-64's 32-bit operand at a position leads: it counts from its own end.
    func target(ofOperandAt position: Int) -> Address? {
        guard let number = word(at: address &+ UInt64(position)) else { return nil }
        return address &+ UInt64(position + 4) &+ UInt64(bitPattern: Int64(Int32(bitPattern: number)))
    }
}

extension CodeBytes {
    /// Instructions that are looked at.
    private static var entryLength: Int { 24 }

    /// Whether the code at `address` reads registers that calls leave undefined: then it does not go on behind a call,
    /// but is a function that begins there.
    func takesArguments(at address: Address) -> Bool {
        var undefined = machine.undefinedAfterCalls
        var position = address
        for _ in 0..<Self.entryLength {
            guard let instruction = instruction(at: position) else { return false }
            if !instruction.reads.isDisjoint(with: undefined) { return true }
            undefined.subtract(instruction.writes)
            switch instruction.flow {
            case .next, .branch: position = position &+ UInt64(instruction.length)
            case .jump(let target): position = target
            case .call, .indirectCall, .indirectJump, .end: return false
            }
        }
        return false
    }
}
