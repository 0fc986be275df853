/// Walks through a JSON5 text (https://spec.json5.org) once, to tell the line of a mistake and the lines of all values:
/// FoundationEssentials' decoder, which reads the values, tells neither.
///
/// It is stricter than JSON5 where that finds mistakes: no key twice in an object, keys without escapes, nothing but
/// ASCII outside of texts and comments.
struct JSON5Scanner {
    /// Descriptions need 6.
    private static let depthLimit = 16
    /// Longer than any key of a description, and short enough for messages.
    private static let longestKey = 64

    private var cursor: JSON5Cursor

    /// The place of the text's only value.
    static func place(in text: [UInt8]) throws(JSON5SyntaxError) -> JSON5Place {
        var scanner = JSON5Scanner(cursor: JSON5Cursor(text))
        try scanner.cursor.skipBlanks()
        guard scanner.cursor.next != nil else { throw scanner.cursor.error("the file is empty") }
        let place = try scanner.value(line: scanner.cursor.line, depth: 0)
        try scanner.cursor.skipBlanks()
        guard scanner.cursor.next == nil else {
            throw scanner.cursor.error("\(scanner.cursor.shown) follows the end of the description")
        }
        try checkEncoding(of: text)
        return place
    }

    private static func checkEncoding(of text: [UInt8]) throws(JSON5SyntaxError) {
        guard String(validating: text, as: UTF8.self) == nil else { return }
        // A line feed is no part of another character.
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let damaged = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        throw JSON5SyntaxError(line: (damaged ?? 0) + 1, problem: "a byte is not UTF-8")
    }

    private mutating func value(line: Int, depth: Int) throws(JSON5SyntaxError) -> JSON5Place {
        guard depth < Self.depthLimit else { throw cursor.error("more than \(Self.depthLimit) brackets are open") }
        switch cursor.next {
        case UInt8(ascii: "{"): return try object(line: line, depth: depth)
        case UInt8(ascii: "["): return try list(line: line, depth: depth)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = try quoted()
        case nil, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"):
            throw cursor.error("a value is missing before \(cursor.shown)")
        default: try literal()
        }
        return JSON5Place(line: line)
    }

    private mutating func object(line: Int, depth: Int) throws(JSON5SyntaxError) -> JSON5Place {
        var place = JSON5Place(line: line)
        let bracket = Bracket(closing: UInt8(ascii: "}"), line: cursor.line)
        cursor.advance()
        while try !closes(bracket) {
            let keyLine = cursor.line
            let key = try self.key()
            if let first = place.members[key] {
                throw JSON5SyntaxError(
                    line: keyLine, problem: "the key \"\(key)\" stands in line \(first.line) already")
            }
            try cursor.skipBlanks()
            guard cursor.skip(UInt8(ascii: ":")) else {
                throw cursor.error("a colon is missing after the key \"\(key)\", before \(cursor.shown)")
            }
            try cursor.skipBlanks()
            place.members[key] = try value(line: keyLine, depth: depth + 1)
            try skipComma(in: bracket)
        }
        return place
    }

    private mutating func list(line: Int, depth: Int) throws(JSON5SyntaxError) -> JSON5Place {
        var place = JSON5Place(line: line)
        let bracket = Bracket(closing: UInt8(ascii: "]"), line: cursor.line)
        cursor.advance()
        while try !closes(bracket) {
            place.items.append(try value(line: cursor.line, depth: depth + 1))
            try skipComma(in: bracket)
        }
        return place
    }

    /// A bracket that was opened.
    private struct Bracket {
        let closing: UInt8
        /// Where it was opened.
        let line: Int

        var text: String { String(UnicodeScalar(closing)) }
    }

    /// Reads the closing bracket, if it is next.
    private mutating func closes(_ bracket: Bracket) throws(JSON5SyntaxError) -> Bool {
        try cursor.skipBlanks()
        guard cursor.next != nil else { throw unclosed(bracket) }
        return cursor.skip(bracket.closing)
    }

    /// Reads the comma after a value, which the last one need not have.
    private mutating func skipComma(in bracket: Bracket) throws(JSON5SyntaxError) {
        try cursor.skipBlanks()
        guard cursor.next != bracket.closing, !cursor.skip(UInt8(ascii: ",")) else { return }
        throw cursor.next == nil
            ? unclosed(bracket) : cursor.error("a comma or \(bracket.text) is missing before \(cursor.shown)")
    }

    private func unclosed(_ bracket: Bracket) -> JSON5SyntaxError {
        cursor.error("the file ends without the \(bracket.text) that closes line \(bracket.line)")
    }

    private mutating func key() throws(JSON5SyntaxError) -> String {
        let key: ArraySlice<UInt8>
        if cursor.next == UInt8(ascii: "\"") || cursor.next == UInt8(ascii: "'") {
            key = try quoted()
            guard !key.contains(UInt8(ascii: "\\")) else { throw cursor.error("a key must be written without \\") }
        } else {
            guard let first = cursor.next, first.isJSON5KeyByte, !first.isASCIIDigit else {
                throw cursor.error("a key or } is missing before \(cursor.shown)")
            }
            key = cursor.word(where: \.isJSON5KeyByte)
        }
        guard key.count <= Self.longestKey else {
            throw cursor.error("a key has more than \(Self.longestKey) characters")
        }
        return String(decoding: key, as: UTF8.self)
    }

    /// Reads a text.
    /// - Returns: What stands between the quotes, as it stands.
    private mutating func quoted() throws(JSON5SyntaxError) -> ArraySlice<UInt8> {
        let opening = cursor.line
        guard let quote = cursor.next else { return [] }
        cursor.advance()
        let start = cursor.position
        while let byte = cursor.next, byte != quote, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") {
            guard byte >= 0x20 else { throw cursor.error("a control character stands in a text") }
            cursor.advance()
            if byte == UInt8(ascii: "\\") { try escaped() }
        }
        let text = cursor.read(from: start)
        guard cursor.skip(quote) else {
            throw JSON5SyntaxError(
                line: opening, problem: "a text has no \(String(UnicodeScalar(quote))) at its end")
        }
        return text
    }

    /// Reads what follows a backslash.
    private mutating func escaped() throws(JSON5SyntaxError) {
        let digits = cursor.next == UInt8(ascii: "u") ? 4 : cursor.next == UInt8(ascii: "x") ? 2 : 0
        let isReturn = cursor.next == UInt8(ascii: "\r")
        cursor.advance()
        if isReturn { _ = cursor.skip(UInt8(ascii: "\n")) }
        for _ in 0..<digits {
            guard cursor.next?.isASCIIHexDigit ?? false else {
                throw cursor.error("an escape needs \(digits) hexadecimal digits")
            }
            cursor.advance()
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    private mutating func literal() throws(JSON5SyntaxError) {
        let start = cursor
        let word = cursor.word(where: \.isJSON5WordByte)
        let isKnown = ["true", "false", "null"].contains { word.elementsEqual($0.utf8) }
        guard !isKnown, !word.isJSON5Number else { return }
        throw start.error(
            word.isEmpty ? "\(start.shown) is not expected here" : "\(start.shown) is no number; a text needs quotes")
    }
}

extension ArraySlice<UInt8> {
    /// Whether it is a number of JSON5, but for `Infinity` and `NaN`, which are none for a description.
    fileprivate var isJSON5Number: Bool {
        var rest = self
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        if rest.starts(with: "0x".utf8) || rest.starts(with: "0X".utf8) {
            return rest.count > 2 && rest.dropFirst(2).allSatisfy(\.isASCIIHexDigit)
        }
        if let mark = rest.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
            var exponent = rest[(mark + 1)...]
            if exponent.first == UInt8(ascii: "+") || exponent.first == UInt8(ascii: "-") { exponent.removeFirst() }
            guard !exponent.isEmpty, exponent.allSatisfy(\.isASCIIDigit) else { return false }
            rest = rest[..<mark]
        }
        let parts = rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.contains { !$0.isEmpty } && parts.allSatisfy { $0.allSatisfy(\.isASCIIDigit) }
    }
}
