internal import CEvents

/// What the BPF program decides of which server names are wanted: it drops none that is wanted. Whoever reads the events
/// decides about the rest.
public struct NameSieve: Sendable, Equatable {
    /// What the program compares of a name, case of ASCII letters ignored.
    public struct Pattern: Sendable, Equatable {
        public enum Place: Sendable {
            case whole, beginning, end
        }

        static let capacity = Int(SNISCOPE_PATTERN_LENGTH)

        let place: Place
        /// Bytes of a name that matches.
        let lengths: ClosedRange<Int>
        /// From the first byte on, or up to the last one for `end`.
        let text: SIMD64<UInt8>
        /// The bits of `text` that count.
        let mask: SIMD64<UInt8>

        /// - Returns: nil for a text that is longer than the program compares, or is not ASCII alone: bytes of a name that
        ///   are no text are replaced before it is compared elsewhere.
        public init?(_ text: String, at place: Place) {
            let bytes = Array(text.utf8)
            guard bytes.count <= Self.capacity, bytes.allSatisfy({ $0 < 0x80 }) else { return nil }
            self.place = place
            lengths = bytes.count...(place == .whole ? bytes.count : Int(UInt8.max))
            let start = place == .end ? Self.capacity - bytes.count : 0
            var (padded, mask) = (SIMD64<UInt8>(), SIMD64<UInt8>())
            for (index, byte) in bytes.enumerated() {
                padded[start + index] = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
                mask[start + index] = .max
            }
            self.text = padded
            self.mask = mask
        }
    }

    struct Rule: Sendable, Equatable {
        let pattern: Pattern
        let excludes: Bool
    }

    static let capacity = Int(SNISCOPE_NAME_PATTERNS)

    /// The first that matches decides.
    let rules: [Rule]
    /// The verdict on a name that none of them matches.
    let passesOthers: Bool

    /// - Parameters:
    ///   - included: A name is wanted if one of these matches, or if there are none; nil is a pattern that the program can't
    ///     decide, which leaves the others without use.
    ///   - excluded: And if none of these does.
    /// - Returns: nil where the program would drop no name.
    public init?(included: [Pattern?], excluded: [Pattern?]) {
        var wanted = included.compactMap(\.self)
        if wanted.count < included.count || wanted.count > Self.capacity { wanted = [] }
        let unwanted = excluded.compactMap(\.self).prefix(Self.capacity - wanted.count)
        rules =
            unwanted.map { Rule(pattern: $0, excludes: true) } + wanted.map { Rule(pattern: $0, excludes: false) }
        passesOthers = wanted.isEmpty
        if rules.isEmpty { return nil }
    }
}
