internal import ELFImage
internal import OS

/// Addresses whose bytes one segment takes from the file.
struct SearchRange: Sendable {
    let segment: Segment
    let addresses: Range<Address>
}

extension ELFImage {
    private static var windowSize: Int { 256 << 10 }
    /// Bytes that are searched of one file.
    private static var byteLimit: UInt64 { 256 << 20 }

    /// What the file has of what is loaded, data that nobody writes first.
    /// - Parameter code: Whether executable segments come too, last: linkers before 2018 put data there.
    func searchable(code: Bool) -> [SearchRange] {
        let loaded = segments.filter { $0.type == Segment.load && $0.isReadable && $0.fileSize > 0 }
        let data = loaded.filter { !$0.isExecutable }
        let ordered =
            data.filter { !$0.isWritable } + data.filter(\.isWritable) + (code ? loaded.filter(\.isExecutable) : [])
        var budget = Self.byteLimit
        return ordered.compactMap { segment in
            let size = min(segment.fileSize, budget)
            guard let end = segment.address + size else { return nil }
            budget -= size
            return SearchRange(segment: segment, addresses: segment.address..<end)
        }
    }

    /// A section, as far as it is loaded from the file.
    func searchable(_ section: Section) -> SearchRange? {
        searchable(section.address, size: section.size)
    }

    func searchable(_ address: Address, size: UInt64) -> SearchRange? {
        guard let segment = segment(containing: address), let left = segment.bytes(from: address)?.size,
            let end = address + min(size, left, Self.byteLimit)
        else { return nil }
        return SearchRange(segment: segment, addresses: address..<end)
    }

    /// Calls `body` with the address of each match of a pattern, in ascending order, until it says false.
    /// A pattern that ends with common bytes, such as zeros, is slow.
    func forEachMatch(of pattern: [UInt8], in range: SearchRange, _ body: (Address) throws -> Bool) throws {
        try forEachWindow(in: range, overlap: pattern.count - 1) { address, bytes in
            var next = 0
            while let match = ByteSearch.firstIndex(of: pattern, in: bytes, from: next) {
                guard let place = address + UInt64(match), try body(place) else { return false }
                next = match + 1
            }
            return true
        }
    }

    /// Calls `body` with each address that is aligned and has a pattern `distance` bytes behind it, in ascending order,
    /// until it says false. Common bytes cost no more than others here.
    /// - Parameter alignment: A power of two.
    func forEachAlignedMatch(
        of pattern: [UInt8], distance: Int = 0, alignment: Int, in range: SearchRange,
        _ body: (Address) throws -> Bool
    ) throws {
        guard let first = pattern.first else { return }
        let length = distance + pattern.count
        try forEachWindow(in: range, overlap: length - 1) { address, bytes in
            let aligned = Int(truncatingIfNeeded: (0 &- address.value) & UInt64(alignment - 1))
            for place in stride(from: aligned, through: bytes.count - length, by: alignment)
            where bytes[place + distance] == first && bytes[(place + distance)...].starts(with: pattern) {
                guard let match = address + UInt64(place), try body(match) else { return false }
            }
            return true
        }
    }

    /// Reads in windows that overlap, so that what is not longer than `overlap` + 1 lies whole in one.
    private func forEachWindow(
        in range: SearchRange, overlap: Int, _ body: (Address, [UInt8]) throws -> Bool
    ) throws {
        var address = range.addresses.lowerBound
        let end = range.addresses.upperBound
        while address < end {
            let count = Int(min(UInt64(Self.windowSize + overlap), (address..<end).size))
            guard let offset = range.segment.offset(of: address) else { return }
            let bytes = try bytes(at: offset, count: count)
            guard try body(address, bytes), bytes.count == count,
                let following = address + UInt64(Self.windowSize)
            else { return }
            address = following
        }
    }
}
