import Testing

@testable import Rendering

@Suite struct EscapingTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("back\\slash", "back\\\\slash"), ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\u{1b}[31mred", "\\x1b[31mred"), ("\u{0}\u{7f}", "\\x00\\x7f"), ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
        ("a\u{202e}b\u{2066}c\u{200f}\u{61c}", "a\\u{202e}b\\u{2066}c\\u{200f}\\u{61c}"),
        ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"), ("a\u{200b}b\u{feff}c\u{ad}", "a\\u{200b}b\\u{feff}c\\u{ad}"),
        ("x\u{e0041}\u{fe0f}\u{e0100}", "x\\u{e0041}\\u{fe0f}\\u{e0100}"), ("\u{3164}\u{ffff}", "\\u{3164}\\u{ffff}"),
        ("пример 日本 é e\u{301} 🦊 \u{fffd}", "пример 日本 é e\u{301} 🦊 \u{fffd}"),
    ])
    func unsafeTextBecomesVisible(text: String, expected: String) {
        #expect(text.escapedForTerminal.unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test func escapesAreUnambiguous() {
        #expect("\u{1b}".escapedForTerminal != "\\x1b".escapedForTerminal)
    }

    @Test func everyControlIsEscapedInEveryFormat() throws {
        let controls = (0...0x9F).filter { $0 < 0x20 || $0 >= 0x7F }.compactMap(Unicode.Scalar.init)
        let bidi = [0x61C, 0x200E, 0x200F] + Array(0x202A...0x202E) + Array(0x2066...0x2069)
        for scalar in controls + bidi.compactMap(Unicode.Scalar.init) {
            let row = Sample(comm: "a" + String(scalar) + "b")
            let texts = [
                try Sample.lines([row])[0], try Sample.object(row, .json), try Sample.object(row, .jsonPretty),
                try Sample.object(row, .yaml),
            ]
            for text in texts {
                // Lines end and indent as the format wants; the value's own scalar must be gone.
                let raw = text.unicodeScalars.drop { $0 != "a" }.filter { $0 == scalar && scalar != "\n" }
                #expect(raw.isEmpty, "U+\(String(scalar.value, radix: 16)) in \(text.debugDescription)")
            }
        }
    }

    @Test func lineBreaksInAValueMakeNoLine() throws {
        let row = Sample(comm: "a\nb", name: "x\r\ny")
        #expect(try Sample.lines([row]).count == 1)
        #expect(try Sample.object(row, .json).split(separator: "\n", omittingEmptySubsequences: false).count == 2)
    }

    @Test func jsonUsesItsOwnEscapes() {
        let value = Value.string("\"\\\n\r\t\u{0}\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}é🦊")
        #expect(
            value.text(style: .json)
                == #""\"\\\n\r\t\u0000\u001b\u007f\u009b\u202e\udb40\udc41é🦊""#)
    }
}
