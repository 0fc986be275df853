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
}
