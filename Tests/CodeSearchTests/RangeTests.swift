import ELFImage
import Testing

@testable import CodeSearch

@Suite("Ranges of addresses")
struct RangeTests {
    @Test func overlapping() throws {
        let ranges = try #require(AddressRanges([100...1000, 200...210, 5000...5000]))
        #expect(ranges.contains(999) && ranges.contains(205) && ranges.contains(5000))
        #expect(!ranges.contains(99) && !ranges.contains(1001) && !ranges.contains(5001))
        #expect(ranges.touches(page: 0x1000) && !ranges.touches(page: 0x2000))
        #expect(AddressRanges([]) == nil)
    }

    @Test("A function has one byte at least")
    func functions() {
        let facts = CodeFacts(linear: CodeBytes(machine: .amd64, address: 0, bytes: []))
        func addresses(_ start: Address, _ end: Address) -> ClosedRange<Address> {
            let function = CodeFunction(start: start, end: end, facts: facts, origin: "")
            #expect((function.start..<function.end).contains(start) || start == .init(.max))
            return function.addresses
        }
        #expect(addresses(5, 9) == 5...8)
        #expect(addresses(5, 5) == 5...5)
        #expect(addresses(5, 2) == 5...5)
        #expect(addresses(.init(.max), 2) == .init(.max)...(.init(.max)))
    }
}
