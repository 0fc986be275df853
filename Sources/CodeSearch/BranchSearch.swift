internal import ELFImage
internal import OS

/// A direct call or jump.
struct Branch: Sendable, Hashable {
    let from: Address
    let to: Address
    let isCall: Bool
    /// A jump that need not be taken.
    var isConditional = false
}

/// Finds the direct calls and long jumps into ranges of code, over all code: linkers scatter what belongs together.
struct BranchSearch {
    let windows: CodeWindows
    let targets: AddressRanges

    private static let limit = 1 << 16
    /// Bytes that look like a branch and are looked into; nearly all are one.
    private static let tryLimit = 1 << 18
    /// Bytes before an instruction from where code is taken apart to see that it is one.
    private static let leadIn = 64

    func find() throws -> [Branch] {
        var result: [Branch] = []
        var tries = 0
        switch windows.machine {
        case .amd64:
            try windows.forEach(overlap: AMD64Decoder.longest) { code, own in
                guard result.count < Self.limit, tries < Self.tryLimit else { return }
                amd64(code, own, &tries, &result)
            }
        case .arm64:
            try windows.forEach(overlap: ARM64Decoder.length) { code, own in
                guard result.count < Self.limit else { return }
                arm64(code, own, &result)
            }
        }
        return result
    }

    private func amd64(_ code: CodeBytes, _ own: Int, _ tries: inout Int, _ result: inout [Branch]) {
        let bytes = code.bytes
        var from = 1
        while let operand = code.firstRelative(into: targets.bounds, from: from) {
            from = operand + 1
            let opcode = bytes[operand - 1]
            let isConditional = operand >= 2 && bytes[operand - 2] == 0x0f && opcode & 0xf0 == 0x80
            let start = operand - (isConditional ? 2 : 1)
            guard start < own, opcode & 0xfe == 0xe8 || isConditional,
                let target = code.target(ofOperandAt: operand), targets.contains(target)
            else { continue }
            tries += 1
            guard result.count < Self.limit, tries < Self.tryLimit else { return }
            guard isBoundary(code.address &+ UInt64(start), in: code) else { continue }
            result.append(
                Branch(
                    from: code.address &+ UInt64(start), to: target, isCall: opcode == 0xe8,
                    isConditional: isConditional))
        }
    }

    /// Whether an instruction begins at `address`. Code that is taken apart from a wrong place falls into step after a
    /// few instructions.
    private func isBoundary(_ address: Address, in code: CodeBytes) -> Bool {
        let start = max(code.address, address - UInt64(Self.leadIn) ?? code.address)
        var agreeing = 0
        var tried = 0
        for offset in 0..<8 {
            guard start &+ UInt64(offset) <= address else { break }
            var position = start &+ UInt64(offset)
            while position < address {
                // Padding and data: one byte on.
                position = position &+ UInt64(code.instruction(at: position)?.length ?? 1)
            }
            tried += 1
            if position == address { agreeing += 1 }
        }
        return agreeing * 2 > tried
    }

    private func arm64(_ code: CodeBytes, _ own: Int, _ result: inout [Branch]) {
        for position in stride(from: 0, to: min(own, code.bytes.count - 3), by: 4) {
            let address = code.address &+ UInt64(position)
            guard let word = code.word(at: address) else { break }
            let kind = word >> 26
            guard kind == 0b100101 || kind == 0b000101 || word >> 24 == 0x54 || word & 0x7c00_0000 == 0x3400_0000
            else { continue }
            switch ARM64Decoder.decode(word, at: address)?.flow {
            case .call(let target) where targets.contains(target):
                result.append(Branch(from: address, to: target, isCall: true))
            case .jump(let target) where targets.contains(target):
                result.append(Branch(from: address, to: target, isCall: false))
            case .branch(let target) where targets.contains(target):
                result.append(Branch(from: address, to: target, isCall: false, isConditional: true))
            default: continue
            }
        }
    }
}
