/// YAML text of values in block style.
enum YAMLText {
    static func appendDocument(_ value: Value, to buffer: inout [UInt8]) {
        buffer.append("---\n")
        append(value, indent: 0, to: &buffer)
    }

    /// Appends the value's lines. The first one continues the current line, which is at `indent` already.
    private static func append(_ value: Value, indent: Int, to buffer: inout [UInt8]) {
        switch value {
        case .array(let elements) where !elements.isEmpty:
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.append(spaces: indent) }
                buffer.append("- ")
                append(element, indent: indent + 2, to: &buffer)
            }
        case .object(let members) where !members.isEmpty:
            for (index, member) in members.enumerated() {
                if index > 0 { buffer.append(spaces: indent) }
                append(member.name, to: &buffer)
                buffer.append(UInt8(ascii: ":"))
                if member.value.isBlock {
                    buffer.append(UInt8(ascii: "\n"))
                    buffer.append(spaces: indent + 2)
                } else {
                    buffer.append(UInt8(ascii: " "))
                }
                append(member.value, indent: indent + 2, to: &buffer)
            }
        default:
            appendScalar(value, to: &buffer)
            buffer.append(UInt8(ascii: "\n"))
        }
    }

    private static func appendScalar(_ value: Value, to buffer: inout [UInt8]) {
        guard case .string(let string) = value else { return JSONText.append(value, to: &buffer) }
        append(string, to: &buffer)
    }

    private static func append(_ string: String, to buffer: inout [UInt8]) {
        if isPlain(string) { return buffer.append(string) }
        buffer.append(UInt8(ascii: "\""))
        for scalar in string.unicodeScalars {
            JSONText.append(scalar, to: &buffer) { scalar, buffer in
                // A YAML parser need not join JSON's surrogates.
                let isLong = scalar.value > 0xFFFF
                buffer.append(isLong ? "\\U" : "\\u")
                buffer.append(hexadecimal: scalar.value, digits: isLong ? 8 : 4)
            }
        }
        buffer.append(UInt8(ascii: "\""))
    }

    /// Words that some YAML version reads as something else than a string.
    private static let reserved: Set<String> = ["y", "yes", "n", "no", "on", "off", "true", "false", "null"]

    /// Whether the string needs no quotes. Narrower than YAML is, for the parsers that are too: it begins with a
    /// letter, so it is no number and no date, and has no character that means something anywhere.
    private static func isPlain(_ string: String) -> Bool {
        guard let first = string.utf8.first, isLetter(first) || first == UInt8(ascii: "/") else { return false }
        for byte in string.utf8 {
            switch byte {
            case _ where isLetter(byte), UInt8(ascii: "0")...UInt8(ascii: "9"): continue
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "+"): continue
            default: return false
            }
        }
        return string.utf8.count > 5 || !reserved.contains(string.lowercased())
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}

extension Value {
    /// Whether YAML writes the value on lines of its own.
    fileprivate var isBlock: Bool {
        switch self {
        case .array(let elements): !elements.isEmpty
        case .object(let members): !members.isEmpty
        default: false
        }
    }
}
