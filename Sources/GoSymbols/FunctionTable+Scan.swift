internal import ELFImage

/// One function's place in the table.
struct FunctionEntry: Sendable {
    /// In the order of the pairs.
    let index: UInt64
    /// As the pair has it: an address, or a distance from the text's start.
    let entry: UInt64
    let end: UInt64
    /// Distance of its name from the names' beginning.
    let name: UInt64
}

extension FunctionTable {
    private static var windowSize: Int { 256 << 10 }
    private static var entryLimit: Int { 1024 }

    /// The functions whose names begin where one of `names` does.
    ///
    /// Pairs are in the order of addresses and so are the descriptions, but names are not in any: all descriptions are
    /// passed over, each byte of them read once.
    func entries(_ names: [FunctionName], in image: ELFImage) throws -> [FunctionEntry] {
        guard let lowest = names.map(\.begins.lowerBound).min(), let highest = names.map(\.begins.upperBound).max()
        else { return [] }
        let wanted = lowest...highest
        var result: [FunctionEntry] = []
        var descriptions = Descriptions(self, image)
        let size = fieldSize
        let perWindow = UInt64(Self.windowSize / (2 * size))
        var first: UInt64 = 0
        while first < count {
            let pairCount = min(perWindow, count - first)
            let bytes = Int(pairCount * 2 + 1) * size
            guard let start = pairs + first * 2 * UInt64(size),
                case let window = try image.window(atAddress: start, count: bytes), window.count == bytes
            else { throw ELFError.truncated(part: "Go's function table") }
            for index in 0..<Int(pairCount) {
                let position = index * 2 * size
                guard let offset = field(window, position + size) else { break }
                let name = try descriptions.name(at: offset)
                guard wanted.contains(name), names.contains(where: { $0.begins.contains(name) }),
                    let entry = field(window, position), let end = field(window, position + 2 * size)
                else { continue }
                result.append(FunctionEntry(index: first + UInt64(index), entry: entry, end: end, name: name))
                guard result.count < Self.entryLimit else {
                    throw ELFError.damaged(
                        part: "Go's function table", problem: "\(Self.entryLimit) functions have the same name")
                }
            }
            first += pairCount
        }
        return result
    }

    private func field(_ window: Window, _ position: Int) -> UInt64? {
        layout.isRelative ? window.u32(position).map(UInt64.init) : window.u64(position)
    }
}

/// The functions' descriptions (`runtime._func`), read in windows that only move forward, so that a damaged table costs
/// no more than a good one.
private struct Descriptions {
    private let image: ELFImage
    private let table: FunctionTable
    /// Where a description has the distance of its name, behind the function's entry.
    private let namePosition: Int
    private var start: UInt64 = 0
    private var window: Window

    private static let windowSize = 256 << 10
    /// The largest programs have some 50 MB.
    private static let offsetLimit: UInt64 = 512 << 20

    init(_ table: FunctionTable, _ image: ELFImage) {
        self.table = table
        self.image = image
        namePosition = table.fieldSize
        window = Window(bytes: [], encoding: image.encoding)
    }

    /// The distance of the name of the function whose description is at `offset`.
    mutating func name(at offset: UInt64) throws -> UInt64 {
        if offset >= start, offset - start < UInt64(window.count),
            let name = window.u32(Int(offset - start) + namePosition)
        {
            return UInt64(name)
        }
        guard offset >= start, offset < Self.offsetLimit, let address = table.descriptions + offset,
            address < table.end
        else {
            throw ELFError.damaged(
                part: "Go's function table", problem: "its descriptions are in no order, or too far away")
        }
        start = offset
        window = try image.window(atAddress: address, count: Self.windowSize)
        guard let name = window.u32(namePosition) else { throw ELFError.truncated(part: "Go's function table") }
        return UInt64(name)
    }
}
