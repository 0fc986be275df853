/// The numbers at the beginning of a version: 3, 0, 22 of "3.0.22", 1, 1, 1 of "1.1.1w".
struct VersionNumber: Comparable {
    let parts: [UInt32]

    /// Nil unless it begins with two numbers or more.
    /// - Parameter separator: Between the numbers.
    init?(_ text: some StringProtocol, separator: Character = ".") {
        var parts: [UInt32] = []
        for part in text.split(separator: separator, omittingEmptySubsequences: false) {
            let digits = part.prefix { ("0"..."9").contains($0) }
            guard let number = UInt32(digits) else { break }
            parts.append(number)
            if digits.count < part.count { break }
        }
        guard parts.count >= 2 else { return nil }
        self.parts = parts
    }

    /// Major and minor, all that a symbol version says for sure: the library may be newer.
    var majorAndMinor: String { "\(parts[0]).\(parts[1])" }

    static func < (left: VersionNumber, right: VersionNumber) -> Bool {
        left.parts.lexicographicallyPrecedes(right.parts)
    }
}
