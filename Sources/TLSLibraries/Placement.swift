internal import ELFImage

/// Where the probe of a function goes: on an instruction boundary that is known, never on a guess. A uprobe replaces
/// bytes of the program's code; within an instruction it would corrupt it.
enum Placement {
    /// At `fileOffset`, or `after` a landing pad behind it.
    case probe(fileOffset: UInt64, probeOffset: UInt64, after: String?)
    /// Not at all; a full sentence.
    case refused(String)

    /// - Parameter name: The function's, for messages.
    init(_ symbol: Symbol, named name: String, in image: ELFImage) throws {
        func refusal(_ reason: String) -> Placement { .refused("\(name) can't be probed: \(reason).") }
        let address = symbol.address
        guard let instructions = InstructionSet(image.machine) else {
            self = refusal(
                "sniscope reads arguments on x86_64 and aarch64 only, and the file is for \(image.machine.name)")
            return
        }
        guard !symbol.isIndirect else {
            self = refusal("it is an indirect function (IFUNC), which chooses what runs when the program starts")
            return
        }
        guard let segment = image.segment(containing: address), segment.isExecutable,
            let offset = image.fileOffset(of: address)
        else {
            self = refusal("its address \(hex(address)) lies in no executable part of the file")
            return
        }
        // uprobes go into mappings that are not writable (valid_vma in the kernel's kernel/events/uprobes.c).
        guard !segment.isWritable else {
            self = refusal("its code is mapped writable, where the kernel places no uprobes")
            return
        }
        guard address % instructions.alignment == 0 else {
            self = refusal("its address \(hex(address)) is no multiple of \(instructions.alignment)")
            return
        }
        let range = try image.functionRange(covering: address)
        if let range, range.lowerBound != address {
            self = refusal(
                "the unwind table says that a function starts at \(hex(range.lowerBound)), "
                    + "and the symbol's address is \(hex(address))")
            return
        }
        let code = try image.bytes(atAddress: address, count: 8) ?? []
        guard instructions.isCode(code[...]) else {
            self = refusal("there is no code at its address \(hex(address))")
            return
        }
        // The shorter of what the unwind table and the symbol say; unknown where both are silent.
        let lengths = [range.map { $0.upperBound - address }, symbol.size > 0 ? symbol.size : nil].compactMap { $0 }
        let isLonger = lengths.allSatisfy { $0 > UInt64(instructions.landingPadSize) }
        if let pad = instructions.landingPad(code), isLonger,
            instructions.isCode(code.dropFirst(instructions.landingPadSize))
        {
            let after = offset + UInt64(instructions.landingPadSize)
            self = .probe(fileOffset: offset, probeOffset: after, after: pad)
        } else {
            self = .probe(fileOffset: offset, probeOffset: offset, after: nil)
        }
    }
}

/// What is known about code without disassembling it.
private enum InstructionSet {
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

private func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
