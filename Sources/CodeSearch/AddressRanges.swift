internal import ELFImage

/// Ranges of addresses that are looked for, many at once.
struct AddressRanges: Sendable {
    /// By their first address; they may overlap.
    private let ranges: [ClosedRange<Address>]
    /// For each range, how far it and those before it reach.
    private let reach: [Address]
    let bounds: ClosedRange<Address>

    /// Nil where there is none.
    init?(_ ranges: [ClosedRange<Address>]) {
        guard let lowest = ranges.map(\.lowerBound).min(), let highest = ranges.map(\.upperBound).max() else {
            return nil
        }
        self.ranges = ranges.sorted { $0.lowerBound < $1.lowerBound }
        reach = self.ranges.reduce(into: []) { $0.append(max($0.last ?? 0, $1.upperBound)) }
        bounds = lowest...highest
    }

    func contains(_ address: Address) -> Bool {
        touches(address...address)
    }

    /// Whether an address of the page lies in a range.
    func touches(page: Address) -> Bool {
        touches(page...Address(page.value | 0xfff))
    }

    private func touches(_ other: ClosedRange<Address>) -> Bool {
        guard bounds.overlaps(other) else { return false }
        // The last range that begins before the end of `other`; one before it may reach further.
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].lowerBound <= other.upperBound { low = middle + 1 } else { high = middle }
        }
        return low > 0 && reach[low - 1] >= other.lowerBound
    }
}
