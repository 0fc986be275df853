/// Finds the numbers in the parts of a well-formed 64-bit ELF file (elf(5)).
struct ELFSample {
    private let bytes: [UInt8]
    private var fields: [Field] = []

    /// - Parameter sections: Which are changed, by a part of their names; beside headers, if `headers`.
    static func make(_ bytes: [UInt8], headers: Bool, _ sections: [String]) -> BinarySample {
        var sample = ELFSample(bytes: bytes)
        sample.walk(headers, sections)
        return BinarySample(bytes: bytes, fields: sample.fields)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func number(_ offset: Int, _ width: Int) -> Int {
        guard offset >= 0, offset + width <= bytes.count else { return 0 }
        return bytes[offset..<(offset + width)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func add(_ start: Int, _ widths: [Int]) {
        var offset = start
        for width in widths {
            if offset + width <= bytes.count { fields.append(Field(offset: offset, width: width)) }
            offset += width
        }
    }

    private mutating func walk(_ headers: Bool, _ wanted: [String]) {
        let programHeaders = number(32, 8)
        let sectionHeaders = number(40, 8)
        if headers {
            add(4, [1, 1, 1, 1])
            add(16, [2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2])
            for index in 0..<number(56, 2) { add(programHeaders + 56 * index, [4, 4, 8, 8, 8, 8, 8, 8]) }
        }
        let count = number(60, 2)
        let names = number(sectionHeaders + 64 * number(62, 2) + 24, 8)
        for index in 0..<count {
            let header = sectionHeaders + 64 * index
            let start = names + number(header, 4)
            let name = String(decoding: bytes[min(start, bytes.count)...].prefix { $0 != 0 }, as: UTF8.self)
            guard wanted.contains(where: name.contains) else { continue }
            add(header, [4, 4, 8, 8, 8, 8, 4, 4, 8, 8])
            let offset = number(header + 24, 8)
            let size = number(header + 4, 4) == Self.noBits ? 0 : number(header + 32, 8)
            addContents(of: name, type: number(header + 4, 4), offset, size)
        }
    }

    private static let noBits = 8
    private static let mostEntries = 64

    private mutating func addContents(of name: String, type: Int, _ offset: Int, _ size: Int) {
        func entries(_ width: Int) -> [Int] {
            stride(from: offset, to: offset + size - width + 1, by: width).prefix(Self.mostEntries).map { $0 }
        }
        switch type {
        case 2, 11: for entry in entries(24) { add(entry, [4, 1, 1, 2, 8, 8]) }
        case 4: for entry in entries(24) { add(entry, [8, 4, 4, 8]) }
        case 6: for entry in entries(16) { add(entry, [8, 8]) }
        case 0x6fff_fffd, 0x6fff_ffff:
            for entry in entries(2) { add(entry, [2]) }
        case 3: for entry in entries(1) { add(entry, [1]) }
        default:
            // Notes, hash tables, unwind tables, Go's tables, compressed data: numbers of 4 and 8 bytes, and bytes.
            for entry in entries(4) { add(entry, [4]) }
            for entry in entries(8) { add(entry, [8]) }
            for entry in entries(1) { add(entry, [1]) }
        }
    }
}
