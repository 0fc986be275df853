/// JSON text of values. It is safe to print on a terminal: what JSON lets stand raw but a terminal would act on is
/// escaped too.
enum JSONText {
    static func append(_ value: Value, to buffer: inout [UInt8]) {
        switch value {
        case .string(let string): append(string, to: &buffer)
        case .integer(let number): buffer.append(decimal: number)
        case .boolean(let flag): buffer.append(flag ? "true" : "false")
        case .array(let elements):
            buffer.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                append(element, to: &buffer)
            }
            buffer.append(UInt8(ascii: "]"))
        case .object(let members):
            buffer.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                append(member.name, to: &buffer)
                buffer.append(UInt8(ascii: ":"))
                append(member.value, to: &buffer)
            }
            buffer.append(UInt8(ascii: "}"))
        }
    }

    /// Indented by two spaces for each level; an empty array or object stays on its line.
    static func appendPretty(_ value: Value, depth: Int, to buffer: inout [UInt8]) {
        func line(_ depth: Int, after separator: String = "") {
            buffer.append(separator)
            buffer.append(UInt8(ascii: "\n"))
            buffer.append(spaces: 2 * depth)
        }
        switch value {
        case .array(let elements) where !elements.isEmpty:
            buffer.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                line(depth + 1, after: index > 0 ? "," : "")
                appendPretty(element, depth: depth + 1, to: &buffer)
            }
            line(depth)
            buffer.append(UInt8(ascii: "]"))
        case .object(let members) where !members.isEmpty:
            buffer.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                line(depth + 1, after: index > 0 ? "," : "")
                append(member.name, to: &buffer)
                buffer.append(": ")
                appendPretty(member.value, depth: depth + 1, to: &buffer)
            }
            line(depth)
            buffer.append(UInt8(ascii: "}"))
        default:
            append(value, to: &buffer)
        }
    }

    /// Appends the string in quotes.
    static func append(_ string: String, to buffer: inout [UInt8]) {
        buffer.append(UInt8(ascii: "\""))
        if isPlain(string) {
            buffer.append(contentsOf: string.utf8)
        } else {
            for scalar in string.unicodeScalars {
                append(scalar, to: &buffer) { scalar, buffer in
                    // JSON has four digits only: surrogates for what lies above.
                    for unit in UTF16.encode(scalar)! {
                        buffer.append("\\u")
                        buffer.append(hexadecimal: UInt32(unit), digits: 4)
                    }
                }
            }
        }
        buffer.append(UInt8(ascii: "\""))
    }

    /// Appends a scalar of a quoted string; `numbered` writes the escapes that have no letter of their own.
    static func append(
        _ scalar: Unicode.Scalar, to buffer: inout [UInt8], numbered: (Unicode.Scalar, inout [UInt8]) -> Void
    ) {
        switch scalar {
        case "\"": buffer.append("\\\"")
        case "\\": buffer.append("\\\\")
        case "\n": buffer.append("\\n")
        case "\r": buffer.append("\\r")
        case "\t": buffer.append("\\t")
        case _ where scalar.isUnsafeForTerminal: numbered(scalar, &buffer)
        default: buffer.append(contentsOf: UTF8.encode(scalar)!)
        }
    }

    private static func isPlain(_ string: String) -> Bool {
        let bytes = string.utf8.span
        for index in bytes.indices {
            let byte = bytes[index]
            if !TerminalText.isPlain(byte) || byte == UInt8(ascii: "\"") { return false }
        }
        return true
    }
}
