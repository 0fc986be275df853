internal import ELFImage
internal import OS

/// Code that forms an address that was looked for.
struct Reference: Sendable, Hashable {
    /// Of the instruction.
    let address: Address
    /// What it forms.
    let target: Address
}

/// Finds code that forms addresses: x86-64 `lea`, and in programs at fixed addresses `mov` and `push` of the number
/// itself; arm64 `adrp` with `add`, and `adr`.
struct ReferenceSearch {
    let windows: CodeWindows
    let targets: AddressRanges

    /// A source file has some hundred error reports.
    private static let limit = 4096
    /// Instructions between `adrp` and its `add`.
    private static let pairDistance = 24

    func find() throws -> [Reference] {
        var result: [Reference] = []
        switch windows.machine {
        case .amd64:
            let isFixed = windows.image.kind == .executable
            try windows.forEach(overlap: AMD64Decoder.longest) { code, own in
                guard result.count < Self.limit else { return }
                relative(code, own, &result)
                if isFixed { absolute(code, own, &result) }
            }
        case .arm64:
            try windows.forEach(overlap: (Self.pairDistance + 1) * ARM64Decoder.length) { code, own in
                guard result.count < Self.limit else { return }
                pairs(code, own, &result)
            }
        }
        return result.sorted { $0.address < $1.address }
    }

    private func relative(_ code: CodeBytes, _ own: Int, _ result: inout [Reference]) {
        let bytes = code.bytes
        var from = 3
        while let operand = code.firstRelative(into: targets.bounds, from: from) {
            from = operand + 1
            // REX.W, maybe with R; 8d; ModRM without base: the displacement counts from the instruction's end.
            let start = operand - 3
            guard start < own, bytes[start] & 0xfb == 0x48, bytes[start + 1] == 0x8d, bytes[start + 2] & 0xc7 == 0x05,
                let target = code.target(ofOperandAt: operand), targets.contains(target)
            else { continue }
            result.append(Reference(address: code.address &+ UInt64(start), target: target))
        }
    }

    private func absolute(_ code: CodeBytes, _ own: Int, _ result: inout [Reference]) {
        guard targets.bounds.upperBound.value <= UInt64(UInt32.max) else { return }
        let bytes = code.bytes
        for position in 0..<min(own, max(0, bytes.count - 4)) {
            guard bytes[position] & 0xf8 == 0xb8 || bytes[position] == 0x68,
                let number = code.word(at: code.address &+ UInt64(position + 1)),
                targets.contains(Address(UInt64(number)))
            else { continue }
            let hasPrefix = position > 0 && bytes[position] != 0x68 && bytes[position - 1] & 0xfe == 0x40
            let start = code.address &+ UInt64(position - (hasPrefix ? 1 : 0))
            result.append(Reference(address: start, target: Address(UInt64(number))))
        }
    }

    private func pairs(_ code: CodeBytes, _ own: Int, _ result: inout [Reference]) {
        let count = code.bytes.count / 4
        for index in 0..<min(own / 4, count) {
            let address = code.address &+ UInt64(index * 4)
            guard let word = code.word(at: address), word & 0x1f00_0000 == 0x1000_0000,
                let formed = ARM64Decoder.decode(word, at: address)?.address
            else { continue }
            if word >> 31 == 0 {
                if targets.contains(formed) { result.append(Reference(address: address, target: formed)) }
                continue
            }
            guard targets.touches(page: formed) else { continue }
            let register = word & 31
            for next in (index + 1)..<min(index + 1 + Self.pairDistance, max(count, index + 1)) {
                let place = code.address &+ UInt64(next * 4)
                guard let add = code.word(at: place) else { break }
                // add Xd, Xn, #imm without shift.
                if add & 0xffc0_0000 == 0x9100_0000, add >> 5 & 31 == register {
                    let target = formed &+ UInt64(add >> 10 & 0xfff)
                    if targets.contains(target) { result.append(Reference(address: place, target: target)) }
                }
                guard let writes = ARM64Decoder.decode(add, at: place)?.writes,
                    !writes.contains(RegisterSet(UInt8(register)))
                else { break }
            }
        }
    }
}
