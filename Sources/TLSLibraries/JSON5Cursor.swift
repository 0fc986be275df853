/// A place in a JSON5 text, and its line.
struct JSON5Cursor {
    private let text: [UInt8]
    private(set) var position: Int
    /// From 1.
    private(set) var line = 1

    init(_ text: [UInt8]) {
        self.text = text
        // A byte order mark.
        position = text.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    }

    /// Nil at the end.
    var next: UInt8? { position < text.count ? text[position] : nil }

    /// What was read from `start` on.
    func read(from start: Int) -> ArraySlice<UInt8> { text[start..<position] }

    /// Goes on by one character, if there is one. A carriage return and a line feed together end one line.
    mutating func advance() {
        guard let byte = next else { return }
        position += 1
        if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") && next != UInt8(ascii: "\n") { line += 1 }
    }

    /// Goes on by one character if it is this one.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        advance()
        return true
    }

    /// Reads the characters for which that is true.
    mutating func word(where belongs: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = position
        while let byte = next, belongs(byte) { advance() }
        return read(from: start)
    }

    /// Leaves out blanks, line ends and comments.
    mutating func skipBlanks() throws(JSON5SyntaxError) {
        while let byte = next {
            switch byte {
            case 0x09...0x0d, 0x20: advance()
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(JSON5SyntaxError) {
        let opening = line
        switch text[(position + 1)...].first {
        case UInt8(ascii: "/"):
            while let byte = next, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") { advance() }
        case UInt8(ascii: "*"):
            advance()
            advance()
            while next != nil, !text[position...].starts(with: Array("*/".utf8)) { advance() }
            guard next != nil else {
                throw JSON5SyntaxError(line: opening, problem: "a comment has no */ at its end")
            }
            advance()
            advance()
        default: throw error("\(shown) is not expected here; comments begin with // or /*")
        }
    }

    /// A mistake in this line.
    func error(_ problem: String) -> JSON5SyntaxError { JSON5SyntaxError(line: line, problem: problem) }

    /// What stands here, for messages.
    var shown: String {
        guard let next else { return "the end of the file" }
        guard (0x21...0x7e).contains(next) else { return "a character that is not ASCII" }
        let isQuote = next == UInt8(ascii: "\"") || next == UInt8(ascii: "'")
        guard isQuote || next.isJSON5WordByte else { return String(UnicodeScalar(next)) }
        let rest = text[position...].dropFirst()
        let word = isQuote ? rest.prefix { $0 != next } : rest.prefix(while: \.isJSON5WordByte)
        let limit = 40
        let end = word.count > limit ? "…" : isQuote ? String(UnicodeScalar(next)) : ""
        let printable = word.prefix(limit).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(UnicodeScalar(next)) + String(decoding: printable, as: UTF8.self) + end
    }
}

extension UInt8 {
    var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    var isASCIIHexDigit: Bool {
        isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
    }

    /// Whether keys without quotes are made of it.
    var isJSON5KeyByte: Bool {
        isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
            || self == UInt8(ascii: "_") || self == UInt8(ascii: "$")
    }

    /// Whether keys, numbers and `true`, `false` and `null` are made of it.
    var isJSON5WordByte: Bool {
        isJSON5KeyByte || self == UInt8(ascii: ".") || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
    }
}
