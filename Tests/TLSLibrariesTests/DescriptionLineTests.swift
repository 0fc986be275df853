import TLSLibraries
import Testing

@Suite("Lines of mistakes in descriptions")
struct DescriptionLineTests {
    private static let sound = """
        // A comment.
        {
            "kind":
                'MyTLS', /* one
            more */
            recognise: { defines: ["set_name"], },
            functions: [
                {
                    symbol: "set_name",
                    name: { argument: +1, form: "\\x74erminated" },
                    conditions: [
                        { argument: 0x2, equals: 55, bits: 32 }, // "
                    ],
                    anchor: {
                        references: { endsWith: ["my/name.c"] },
                        immediates: [0xD5],
                        compares: [
                            { with: 255, tolerance: 1 },
                            { with: 300 },
                        ],
                        largestSize: 1024,
                    },
                },
            ],
        }

        """

    /// What is said of the description after a part of it was replaced.
    private static func failure(_ part: String = "", _ replacement: String = "", in text: String = sound) -> String? {
        let changed =
            part.isEmpty
            ? text
            : text.split(separator: part, maxSplits: 1, omittingEmptySubsequences: false)
                .joined(separator: replacement)
        do {
            _ = try LibraryDescription.decode(json5: changed, file: "mine.json5")
            return nil
        } catch {
            return error.description
        }
    }

    @Test("All of JSON5 that people write passes, with any line ends")
    func sound() {
        #expect(Self.failure() == nil)
        #expect(
            Self.failure(
                in: Self.sound.split(separator: "\n", omittingEmptySubsequences: false)
                    .joined(separator: "\r\n")) == nil)
        #expect(Self.failure(in: "\u{feff}" + Self.sound) == nil)
        #expect(Self.failure("1024", ".1024e+4") == nil)
    }

    @Test(
        "Where the text is no JSON5",
        arguments: [
            ("\"set_name\",\n", "\"set_name\"\n", "10: a comma or } is missing before name"),
            ("{ defines", "[{ defines", "7: functions is no number; a text needs quotes"),
            ("[0xD5],", "[0xD5] 'a b',", "16: a comma or } is missing before 'a b'"),
            ("{ with: 300 },\n", "{ with: 300 }\n{", "20: a comma or ] is missing before {"),
            ("symbol:", "symbol", "9: a colon is missing after the key \"symbol\", before \"set_name\""),
            ("symbol: ", "symbol: ,", "9: a value is missing before ,"),
            ("symbol: ", "9symbol: ", "9: a key or } is missing before 9symbol"),
            ("symbol: ", "anchor: 1, symbol: ", "14: the key \"anchor\" stands in line 9 already"),
            ("symbol: ", "'symbol': 'a', \"symbol\": ", "9: the key \"symbol\" stands in line 9 already"),
            ("\"set_name\",\n", "\"set_name,\n", "9: a text has no \" at its end"),
            ("TLS'", "TLS", "4: a text has no ' at its end"),
            ("\\x74", "\\x7y", "10: an escape needs 2 hexadecimal digits"),
            ("\\x74", "\t", "10: a control character stands in a text"),
            ("more */", "more", "4: a comment has no */ at its end"),
            ("// \"", "/ \"", "12: / is not expected here; comments begin with // or /*"),
            ("0xD5", "0xG5", "16: 0xG5 is no number; a text needs quotes"),
            ("1024", "1.2.3", "21: 1.2.3 is no number; a text needs quotes"),
            ("1024", "1e", "21: 1e is no number; a text needs quotes"),
            ("1024", "NaN", "21: NaN is no number; a text needs quotes"),
            ("1024", "(", "21: ( is not expected here"),
            ("1024", "\u{00a0}1024", "21: a character that is not ASCII is not expected here"),
            ("    ],\n}\n", "    ],\n", "25: the file ends without the } that closes line 2"),
            ("\n}\n", "\n}\n}", "26: } follows the end of the description"),
            ("kind", "k\\\\u0069nd", "3: a key must be written without \\"),
        ])
    func syntax(_ part: String, _ replacement: String, _ expected: String) {
        #expect(Self.failure(part, replacement) == "mine.json5:" + expected)
    }

    @Test("Texts that hardly anybody would write end, and say so")
    func hostile() {
        #expect(Self.failure(in: "") == "mine.json5:1: the file is empty")
        #expect(Self.failure(in: "// a") == "mine.json5:1: the file is empty")
        #expect(Self.failure(in: "/") == "mine.json5:1: / is not expected here; comments begin with // or /*")
        #expect(Self.failure(in: "{a: '\\") == "mine.json5:1: a text has no ' at its end")
        #expect(
            Self.failure(in: String(repeating: "[", count: 1 << 20)) == "mine.json5:1: more than 16 brackets are open")
        #expect(
            Self.failure(in: String(repeating: "a", count: 1 << 20))
                == "mine.json5:1: \(String(repeating: "a", count: 41))… is no number; a text needs quotes")
        #expect(
            Self.failure(in: "{\(String(repeating: "a", count: 65)): 1}")
                == "mine.json5:1: a key has more than 64 characters")
        #expect(
            Self.failure(in: String(repeating: " ", count: (1 << 20) + 1)) == "mine.json5: is larger than 1048576 bytes"
        )
        // Every beginning of a sound text.
        for count in 0..<Self.sound.utf8.count - 2 {
            let start = String(decoding: Self.sound.utf8.prefix(count), as: UTF8.self)
            #expect(Self.failure(in: start)?.hasPrefix("mine.json5:") ?? false, "\(start)")
        }
    }

    @Test("Bytes that are no UTF-8 are named with their line")
    func encoding() throws {
        var bytes = Array(Self.sound.utf8)
        let place = try #require(bytes.firstIndex(of: UInt8(ascii: "o")))
        bytes[place] = 0xff
        #expect {
            try LibraryDescription.decode(json5: bytes, file: "mine.json5")
        } throws: {
            "\($0)" == "mine.json5:1: a byte is not UTF-8"
        }
    }

    @Test(
        "Where a value is wrong, and where a key is missing",
        arguments: [
            ("'MyTLS'", "7", "3: kind: must be a string"),
            ("argument: +1", "argument: 9", "10: functions[0].name.argument: must be 0 to 4, is 9"),
            ("argument: +1,", "", "10: functions[0].name: has no key \"argument\""),
            (
                "argument: +1", "argument: 1.5",
                "10: functions[0].name.argument: must be a whole number that fits into 64 bits"
            ),
            ("argument: +1", "argument: -1", "10: functions[0].name.argument: must be 0 to 4, is -1"),
            (
                "equals: 55", "equals: -1",
                "12: functions[0].conditions[0].equals: must be a whole number that fits into 64 bits"
            ),
            (
                "equals: 55", "equal: 55",
                "12: functions[0].conditions[0].equal: unknown key; there are argument, equals, bits"
            ),
            ("with: 300", "with: \"300\"", "19: functions[0].anchor.compares[1].with: must be a whole number"),
            ("largestSize: 1024,", "", "14: functions[0].anchor: has no key \"largestSize\""),
            (
                "largestSize: 1024,", "largestSize: null",
                "21: functions[0].anchor.largestSize: must not be null; leave the key out"
            ),
            (
                "symbol: \"set_name\",", "",
                "14: functions[0].anchor: needs \"finds\", the function's name, where there is no \"symbol\""
            ),
            (
                "recognise: { defines: [\"set_name\"], },\n", "recognise: {\n defines: [\"a\",\n 7] },\n",
                "8: recognise.defines[1]: must be a string"
            ),
        ])
    func values(_ part: String, _ replacement: String, _ expected: String) {
        #expect(Self.failure(part, replacement) == "mine.json5:" + expected)
    }

    @Test("The same kind in two files is named with the line of the second")
    func kinds() {
        #expect {
            try LibraryDescription.decode(files: [("a.json5", Self.sound), ("b.json5", Self.sound)])
        } throws: {
            "\($0)" == "b.json5:3: kind: \"MyTLS\" is described by another file too"
        }
    }
}
