import Testing

@testable import Tracing

@Suite("Which server names the kernel drops")
struct NameSieveTests {
    private func pattern(_ text: String, at place: NameSieve.Pattern.Place = .whole) throws -> NameSieve.Pattern {
        try #require(NameSieve.Pattern(text, at: place))
    }

    /// The bytes that count, at their places.
    private func compared(_ pattern: NameSieve.Pattern) -> [Int: UInt8] {
        var bytes: [Int: UInt8] = [:]
        for index in pattern.text.indices where pattern.mask[index] == 0xff { bytes[index] = pattern.text[index] }
        #expect(pattern.mask.indices.allSatisfy { [0, 0xff].contains(pattern.mask[$0]) })
        return bytes
    }

    @Test func places() throws {
        let bytes = Array("a.b".utf8)
        let whole = try pattern("A.b")
        #expect(whole.lengths == 3...3 && compared(whole) == [0: bytes[0], 1: bytes[1], 2: bytes[2]])
        let beginning = try pattern("a.B", at: .beginning)
        #expect(beginning.lengths == 3...255 && compared(beginning) == [0: bytes[0], 1: bytes[1], 2: bytes[2]])
        let end = try pattern("a.b", at: .end)
        #expect(end.lengths == 3...255 && compared(end) == [61: bytes[0], 62: bytes[1], 63: bytes[2]])
        let any = try pattern("", at: .beginning)
        #expect(any.lengths == 0...255 && compared(any).isEmpty)
    }

    @Test(arguments: [NameSieve.Pattern.Place.whole, .beginning, .end])
    func longest(place: NameSieve.Pattern.Place) throws {
        let text = String(repeating: "x", count: 64)
        #expect(compared(try pattern(text, at: place)).count == 64)
        #expect(NameSieve.Pattern(text + "x", at: place) == nil)
    }

    @Test func onlyASCII() {
        #expect(NameSieve.Pattern("é", at: .whole) == nil)
        #expect(NameSieve.Pattern("\u{fffd}", at: .end) == nil)
    }

    @Test func anExclusionComesFirst() throws {
        let (wanted, unwanted) = (try pattern("a"), try pattern("b"))
        let sieve = try #require(NameSieve(included: [wanted], excluded: [unwanted]))
        #expect(sieve.rules.map(\.pattern) == [unwanted, wanted])
        #expect(sieve.rules.map(\.excludes) == [true, false])
        #expect(!sieve.passesOthers)
    }

    @Test func whatIsNotDecidedIsNotDropped() throws {
        let plain = try pattern("a")
        #expect(NameSieve(included: [], excluded: []) == nil)
        #expect(NameSieve(included: [nil], excluded: []) == nil)
        #expect(NameSieve(included: [plain, nil], excluded: [nil]) == nil)
        #expect(NameSieve(included: [], excluded: [nil]) == nil)

        let exclusion = try #require(NameSieve(included: [plain, nil], excluded: [nil, plain]))
        #expect(exclusion.rules.map(\.excludes) == [true] && exclusion.passesOthers)
        let inclusion = try #require(NameSieve(included: [plain], excluded: [nil]))
        #expect(inclusion.rules.map(\.excludes) == [false] && !inclusion.passesOthers)
    }

    @Test func thereIsRoomForSixteen() throws {
        let patterns = try (0..<17).map { try pattern("\($0)") }
        let full = try #require(NameSieve(included: Array(patterns.prefix(16)), excluded: [patterns[16]]))
        #expect(full.rules.map(\.pattern) == Array(patterns.prefix(16)) && !full.passesOthers)
        #expect(NameSieve(included: patterns, excluded: []) == nil)
        let exclusions = try #require(NameSieve(included: [patterns[0]], excluded: patterns))
        #expect(exclusions.rules.map(\.excludes) == Array(repeating: true, count: 15) + [false])
    }
}
