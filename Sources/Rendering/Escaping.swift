// Names and comm texts are chosen by the traced processes. Anything that could move the cursor, colour the terminal,
// reorder the line or hide part of it has to become visible text.

extension Unicode.Scalar {
    /// Whether the scalar is written as an escape wherever text may reach a terminal: controls (C0, DEL, C1),
    /// bidirectional controls, line and paragraph separators, characters that take no space and hide what they stand
    /// for (zero-width, format, variation selectors, tags), and noncharacters.
    var isUnsafeForTerminal: Bool {
        if value < 0x7F { return value < 0x20 }
        if value < 0xA0 { return true }
        // Latin letters, the commonest case, without a table look-up; U+00AD is the soft hyphen.
        if value < 0x300 { return value == 0xAD }
        let properties = properties
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return properties.isDefaultIgnorableCodePoint || properties.isNoncharacterCodePoint
        }
    }
}

enum TerminalText {
    /// Whether the byte stands for itself on a terminal: printable ASCII that needs no escape.
    static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\\")
    }

    /// Appends the scalar, or `\n`, `\x1b`, `\u{202e}` for one that is unsafe and `\\` for a backslash.
    /// - Returns: the cells it takes.
    static func append(_ scalar: Unicode.Scalar, to buffer: inout [UInt8]) -> Int {
        guard scalar == "\\" || scalar.isUnsafeForTerminal else {
            buffer.append(contentsOf: UTF8.encode(scalar)!)
            return CellWidth.of(scalar)
        }
        let start = buffer.count
        buffer.append(UInt8(ascii: "\\"))
        switch scalar {
        case "\\": buffer.append(UInt8(ascii: "\\"))
        case "\n": buffer.append(UInt8(ascii: "n"))
        case "\t": buffer.append(UInt8(ascii: "t"))
        case "\r": buffer.append(UInt8(ascii: "r"))
        case _ where scalar.value < 0x80:
            buffer.append(UInt8(ascii: "x"))
            buffer.append(hexadecimal: scalar.value, digits: 2)
        default:
            // Not \x9b: that would read as the byte, which is no character in UTF-8.
            buffer.append("u{")
            buffer.append(hexadecimal: scalar.value, digits: 1)
            buffer.append(UInt8(ascii: "}"))
        }
        return buffer.count - start
    }
}

extension String {
    /// The text with everything escaped that is unsafe to print on a terminal. The result can be read back without
    /// ambiguity: a backslash is doubled.
    public var escapedForTerminal: String {
        if utf8.allSatisfy(TerminalText.isPlain) { return self }
        var buffer: [UInt8] = []
        for scalar in unicodeScalars { _ = TerminalText.append(scalar, to: &buffer) }
        return String(decoding: buffer, as: UTF8.self)
    }

    /// What the user wrote, as an error repeats it: made safe like `escapedForTerminal`, but with backslashes as they
    /// were written.
    public var quotedInError: String {
        var buffer = Array("'".utf8)
        for scalar in unicodeScalars {
            if scalar == "\\" {
                buffer.append(UInt8(ascii: "\\"))
            } else {
                _ = TerminalText.append(scalar, to: &buffer)
            }
        }
        return String(decoding: buffer, as: UTF8.self) + "'"
    }
}
