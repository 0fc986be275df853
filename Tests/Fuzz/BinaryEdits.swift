/// A number in a binary file.
struct Field {
    let offset: Int
    /// Bytes: 1, 2, 4 or 8.
    let width: Int
}

/// A valid file, and where its numbers are.
struct BinarySample: Sendable {
    let bytes: [UInt8]
    let fields: [Field]

    /// Other numbers in some of the fields, and now and then an end that comes too soon.
    func edited(_ choices: inout Choices) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Self.mostEdits where !choices.isEmpty {
            guard let field = choices.element(of: fields) else { break }
            let choice = choices.byte()
            if choice == Self.cut {
                bytes.removeLast(bytes.count - min(bytes.count, field.offset + Int(choices.byte())))
                continue
            }
            let old = Self.read(bytes, field)
            let other = choice & 0x0F == 0x0F ? choices.element(of: fields).map { Self.read(bytes, $0) } ?? 0 : 0
            Self.write(
                value(choice, old: old, other: other, operand: choices.byte(), width: field.width), field, &bytes)
        }
        return bytes
    }

    private static let mostEdits = 12
    private static let cut: UInt8 = 0xFF

    /// What arithmetic and comparisons tell apart.
    private func value(_ choice: UInt8, old: UInt64, other: UInt64, operand: UInt8, width: Int) -> UInt64 {
        let size = UInt64(bytes.count)
        let largest = UInt64.max >> (64 - 8 * UInt64(width))
        let distance = UInt64(operand)
        return switch choice & 0x0F {
        case 0: distance
        case 1: largest &- distance
        case 2: largest / 2 &- distance
        case 3: largest / 2 &+ 1 &+ distance
        case 4: old &+ distance
        case 5: old &- distance
        case 6: old << (distance & 63)
        case 7: old >> (distance & 63)
        case 8: size &- distance
        case 9: size &+ distance
        case 10: 1 << (distance & 63)
        case 11: (1 << (distance & 63)) &- 1
        case 12: 0 &- (distance << 12)
        case 13: old ^ (1 << (distance & 63))
        case 14: old &* distance
        default: other &+ distance
        }
    }

    private static func read(_ bytes: [UInt8], _ field: Field) -> UInt64 {
        guard field.offset + field.width <= bytes.count else { return 0 }
        return bytes[field.offset..<(field.offset + field.width)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func write(_ value: UInt64, _ field: Field, _ bytes: inout [UInt8]) {
        for index in 0..<field.width where field.offset + index < bytes.count {
            bytes[field.offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
        }
    }
}
