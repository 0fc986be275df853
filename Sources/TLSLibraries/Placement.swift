internal import ELFImage

/// Where the probe of a function goes: on an instruction boundary that is known, never on a guess. A uprobe replaces
/// bytes of the program's code; within an instruction it would corrupt it.
enum Placement {
    /// At `fileOffset`, or behind it for a `reason`; on an instruction of that name.
    case probe(fileOffset: UInt64, probeOffset: UInt64, reason: String?, instruction: String)
    /// Not at all; a full sentence.
    case refused(String)

    init(_ function: LibraryFinding.Function, in image: ELFImage) throws {
        func refusal(_ reason: String) -> Placement { .refused("\(function.name) can't be probed: \(reason).") }
        let address = function.address
        guard let instructions = InstructionSet(image.machine) else {
            self = refusal(
                "sniscope reads arguments on x86_64 and aarch64 only, and the file is for \(image.machine.name)")
            return
        }
        guard !function.isIndirect else {
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
        guard address.value % instructions.alignment == 0 else {
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
        let code = try image.bytes(atAddress: address, count: 20) ?? []
        guard instructions.isCode(code[...]) else {
            self = refusal("there is no code at its address \(hex(address))")
            return
        }
        // The shorter of what the unwind table and the finding say; unknown where both are silent.
        let lengths = [range.map(\.size), function.size > 0 ? function.size : nil].compactMap { $0 }
        let isLonger = lengths.allSatisfy { $0 > UInt64(instructions.landingPadSize) }
        if let place = function.place {
            guard let distance = place.address.distance(from: address), distance > 0, distance < lengths.min() ?? 0,
                place.address.value % instructions.alignment == 0,
                let probeOffset = segment.offset(of: place.address),
                let code = try image.bytes(atAddress: place.address, count: 20), instructions.isCode(code[...])
            else {
                self = refusal("the place for a probe, \(hex(place.address)), is not in it")
                return
            }
            self = .probe(
                fileOffset: offset.value, probeOffset: probeOffset.value, reason: place.reason,
                instruction: instructions.name(of: code[...]))
        } else if let pad = instructions.landingPad(code), isLonger,
            instructions.isCode(code.dropFirst(instructions.landingPadSize)),
            let after = offset + UInt64(instructions.landingPadSize)
        {
            let instruction = instructions.name(of: code.dropFirst(instructions.landingPadSize))
            self = .probe(
                fileOffset: offset.value, probeOffset: after.value, reason: "after \(pad)", instruction: instruction)
        } else {
            self = .probe(
                fileOffset: offset.value, probeOffset: offset.value, reason: nil,
                instruction: instructions.name(of: code[...]))
        }
    }
}

private func hex(_ address: Address) -> String { "0x" + String(address.value, radix: 16) }
