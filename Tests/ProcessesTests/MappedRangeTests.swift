import Testing

@testable import Processes

@Suite("Where a file is mapped")
struct MappedRangeTests {
    @Test("a byte of the file is at its place, or not in the range")
    func address() {
        let range = MappedRange(start: 0x7000, end: 0x9000, offset: 0x1000)
        #expect(range.address(ofOffset: 0x1000) == 0x7000)
        #expect(range.address(ofOffset: 0x2fff) == 0x8fff)
        for offset: UInt64 in [0, 0xfff, 0x3000, .max] { #expect(range.address(ofOffset: offset) == nil) }
        let last = MappedRange(start: .max - 1, end: .max, offset: .max)
        #expect(last.address(ofOffset: .max) == UInt64.max - 1)
    }

    @Test("a range that ends before its start holds nothing")
    func backwards() {
        let range = MappedRange(start: 0x9000, end: 0x7000, offset: 0x1000)
        #expect(range.end == 0x9000)
        #expect(range.address(ofOffset: 0x1000) == nil)
    }
}
