/// A valid text, cut into what a parser takes as one: words, numbers, signs, space.
struct TextSample: Sendable {
    private let tokens: [[UInt8]]

    init(_ text: String) {
        var tokens: [[UInt8]] = []
        var isInWord = false
        for byte in text.utf8 {
            let isWord = byte == UInt8(ascii: "_") || UnicodeScalar(byte).properties.isAlphabetic || 0x30...0x39 ~= byte
            if isWord, isInWord { tokens[tokens.count - 1].append(byte) } else { tokens.append([byte]) }
            isInWord = isWord
        }
        self.tokens = tokens
    }

    func edited(_ choices: inout Choices) -> [UInt8] {
        var tokens = tokens
        for _ in 0..<Self.mostEdits where !choices.isEmpty && !tokens.isEmpty {
            let place = choices.index(below: tokens.count)
            switch choices.byte() % 8 {
            case 0: tokens.remove(at: place)
            case 1: tokens.insert(tokens[place], at: place)
            case 2: tokens.swapAt(place, choices.index(below: tokens.count))
            case 3: tokens.removeLast(tokens.count - place)
            case 4:
                let count = 1 << (choices.byte() % 14)
                if count * tokens[place].count <= Self.mostBytes / 4 {
                    tokens[place] = (0..<count).reduce(into: []) { many, _ in many += tokens[place] }
                }
            case 5: tokens.insert(choices.element(of: Self.hostile) ?? [], at: place)
            default: tokens[place] = choices.element(of: Self.hostile) ?? []
            }
        }
        var bytes: [UInt8] = []
        for token in tokens where bytes.count < Self.mostBytes { bytes += token }
        return bytes
    }

    private static let mostEdits = 12
    private static let mostBytes = 1 << 18

    private static let hostile: [[UInt8]] =
        [
            "", "0", "-1", "1", "00", "1e999", "-0", "2147483647", "2147483648", "4294967296", "9223372036854775807",
            "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616", "7fffffff",
            "ffffffffffffffff", "10000000000000000", "null", "true", "{", "}", "[", "]", "\"", "\\", "\\u0000",
            "\\ud800",
            "'", ",", ":", "/", "//", ".", "..", "../..", "*", "$", "-", "--", "=", "\n", "\t", " ", "\\040", "\\134",
            "\\999", " (deleted)", "/*", "0x", "NaN", "Infinity", "é", "\u{202e}", "\u{1F600}",
        ].map { Array($0.utf8) } + [[0], [0xFF], [0xC3], [0xED, 0xA0, 0x80], [0x1B, 0x5B]]
}
