/// A function that a file defines.
public struct Symbol: Sendable, Hashable {
    /// Text from the file: not trusted where it was found by a pattern.
    public let name: String
    public let address: Address
    /// Bytes; 0 where the file does not say.
    public let size: UInt64
    /// True for `STT_GNU_IFUNC`: `address` is a function that chooses another one when the program starts.
    public let isIndirect: Bool

    init(name: String, address: Address, size: UInt64, isIndirect: Bool = false) {
        self.name = name
        self.address = address
        self.size = size
        self.isIndirect = isIndirect
    }
}

/// One entry of a symbol table (gABI, "Symbol Table").
struct SymbolEntry {
    /// Offset in the string table.
    let name: UInt32
    let info: UInt8
    let sectionIndex: UInt16
    let value: UInt64
    let size: UInt64

    static func size(_ encoding: Encoding) -> Int { encoding.is64Bit ? 24 : 16 }

    init?(_ window: Window, at position: Int) {
        let is64Bit = window.encoding.is64Bit
        guard let name = window.u32(position),
            let info = window.u8(position + (is64Bit ? 4 : 12)),
            let sectionIndex = window.u16(position + (is64Bit ? 6 : 14)),
            let value = window.word(position + (is64Bit ? 8 : 4)),
            let size = window.word(position + (is64Bit ? 16 : 8))
        else { return nil }
        self.name = name
        self.info = info
        self.sectionIndex = sectionIndex
        self.value = value
        self.size = size
    }

    /// False for imports, data and names of other things.
    var isFunction: Bool {
        let type = info & 15
        return sectionIndex != 0 && (type == 2 || type == 10)
    }

    /// The function it defines; nil where it is none.
    func function(named name: String) -> Symbol? {
        isFunction ? Symbol(name: name, address: Address(value), size: size, isIndirect: info & 15 == 10) : nil
    }
}
