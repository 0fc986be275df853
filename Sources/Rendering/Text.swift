extension StringProtocol {
    /// The text without spaces and tabs at both ends.
    var trimmingBlanks: String {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}

extension String {
    /// The parts between commas that no backslash precedes. Backslashes are kept, for the reader of the part.
    var splitAtPlainCommas: [String] {
        var parts: [String] = []
        var part = ""
        var escaped = false
        for scalar in unicodeScalars {
            if scalar == ",", !escaped {
                parts.append(part)
                part = ""
            } else {
                part.unicodeScalars.append(scalar)
            }
            escaped = scalar == "\\" && !escaped
        }
        return parts + [part]
    }
}

extension [UInt8] {
    mutating func append(_ string: String) {
        append(contentsOf: string.utf8)
    }

    mutating func append(spaces count: Int) {
        append(contentsOf: repeatElement(UInt8(ascii: " "), count: count))
    }

    /// Appends the number in hexadecimal with at least `digits` digits.
    mutating func append(hexadecimal number: UInt32, digits: Int) {
        let text = String(number, radix: 16)
        for _ in text.utf8.count..<Swift.max(digits, text.utf8.count) { append(UInt8(ascii: "0")) }
        append(text)
    }

    /// Appends the number in decimal.
    mutating func append(decimal number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        let magnitude = number.magnitude
        var divisor: UInt64 = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude / divisor % 10))
            divisor /= 10
        }
    }
}
