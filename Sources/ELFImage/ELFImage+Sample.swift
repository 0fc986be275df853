internal import LibLZMA

extension ELFImage {
    private static var blockSize: UInt64 { 4096 }
    private static var blockCount: UInt64 { 8 }
    private static var headersLimit: UInt64 { 64 << 10 }

    /// A checksum over the headers and some blocks of the file, in a dozen small reads: it tells files of one build ID
    /// apart, such as a program that was patched or packed. Whoever wants two files that agree in it can make them.
    /// - Throws: What the source throws.
    public func sampledChecksum() throws -> UInt64 {
        var sum = CRC64()
        // The ELF header, the program headers, and mostly what the loader reads next.
        sum.add(try bytes(at: 0, count: Int(Self.blockSize)))
        let size = UInt64(sectionHeaders.count) * UInt64(sectionHeaders.entrySize)
        sum.add(try bytes(at: sectionHeaders.offset, count: Int(min(size, Self.headersLimit))))
        let last = source.size - min(source.size, Self.blockSize)
        for block in 1...Self.blockCount {
            // Evenly over the file, the last one at its end.
            let offset = last / Self.blockCount * block
            sum.add(try bytes(at: FileOffset(block == Self.blockCount ? last : offset), count: Int(Self.blockSize)))
        }
        return sum.value
    }
}
