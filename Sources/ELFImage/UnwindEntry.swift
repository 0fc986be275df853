extension ELFImage {
    /// The addresses that the frame description entry (FDE) at `address` covers; nil where it can't be read.
    ///
    /// An FDE is its length, the distance back to its common entry (CIE), start and length of the code (DWARF 5,
    /// 6.4.1, as LSB Core changes it). The CIE says how the last two are written.
    func frameRange(at address: Address) throws -> Range<Address>? {
        let window = try window(atAddress: address, count: 8 + 16)
        // 0 ends the section; 0xffffffff announces a 64-bit length, which no toolchain writes here.
        guard let length = window.u32(0), length != 0, length != .max,
            let distance = window.u32(4), distance != 0,
            let pointer = address + 4, let common = pointer - UInt64(distance),
            let form = try pointerForm(ofCommonEntryAt: common),
            let codeAddress = address + 8,
            let start = form.address(window, 8, at: codeAddress),
            let count = form.length(window, 8),
            count > 0, let end = start + count
        else { return nil }
        return start..<end
    }

    func pointerForm(ofCommonEntryAt address: Address) throws -> PointerForm? {
        // Length, identifier 0, version, augmentation string, two factors, return register, augmentation data: some
        // 20 bytes.
        let window = try window(atAddress: address, count: 64)
        guard let length = window.u32(0), length != .max, window.u32(4) == 0,
            let version = window.u8(8), version == 1 || version == 3,
            let augmentation = window.terminated(9, limit: 16)
        else { return nil }
        guard augmentation.first == UInt8(ascii: "z") else {
            return augmentation.isEmpty ? PointerForm(0) : nil
        }
        var position = 9 + augmentation.count + 1
        func skipNumber() {
            while let byte = window.u8(position), byte & 0x80 != 0 { position += 1 }
            position += 1
        }
        skipNumber()  // code alignment factor
        skipNumber()  // data alignment factor
        if version == 1 { position += 1 } else { skipNumber() }  // return address register
        skipNumber()  // length of the augmentation data
        for letter in augmentation.dropFirst() {
            switch letter {
            case UInt8(ascii: "R"): return window.u8(position).flatMap { PointerForm($0) }
            case UInt8(ascii: "L"): position += 1
            case UInt8(ascii: "P"):
                guard let form = window.u8(position), let size = PointerForm(form & 0x0f)?.size(encoding) else {
                    return nil
                }
                position += 1 + size
            case UInt8(ascii: "S"), UInt8(ascii: "B"), UInt8(ascii: "G"): break
            default: return nil
            }
        }
        return PointerForm(0)
    }
}

/// How an address is written in unwind entries (`DW_EH_PE_*`): its width in the low four bits, what it is relative to
/// in the next three. Only absolute ones and those relative to their own place occur in entries.
struct PointerForm {
    let rawValue: UInt8

    init?(_ rawValue: UInt8) {
        guard rawValue & 0xf0 == 0 || rawValue & 0xf0 == 0x10, [0, 2, 3, 4, 10, 11, 12].contains(rawValue & 0x0f)
        else { return nil }
        self.rawValue = rawValue
    }

    /// Bytes.
    func size(_ encoding: Encoding) -> Int {
        switch rawValue & 0x07 {
        case 2: 2
        case 3: 4
        case 4: 8
        default: encoding.wordSize
        }
    }

    /// The length behind an address at a position of `window`: it has the address's form, but is relative to nothing.
    func length(_ window: Window, _ position: Int) -> UInt64? {
        PointerForm(rawValue & 0x0f)?.address(window, position + size(window.encoding), at: 0)?.value
    }

    /// The address at a position of `window`, which lies at `place`.
    func address(_ window: Window, _ position: Int, at place: Address) -> Address? {
        let size = size(window.encoding)
        let raw: UInt64? =
            switch size {
            case 2: window.u16(position).map(UInt64.init)
            case 4: window.u32(position).map(UInt64.init)
            default: window.u64(position)
            }
        guard let raw else { return nil }
        let isRelative = rawValue & 0x10 != 0
        let isSigned = rawValue & 0x08 != 0
        let base = isRelative ? place : 0
        guard isSigned else { return base + raw }
        let shift = UInt64(64 - size * 8)
        return base.moved(by: Int64(bitPattern: raw << shift) >> Int64(shift))
    }
}
