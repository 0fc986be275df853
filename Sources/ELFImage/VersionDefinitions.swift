extension ELFImage {
    /// The names of the symbol versions that the file defines, such as `OPENSSL_3.0.0`, in the file's order; none
    /// where it has no versions. The first is by custom the file's own name.
    ///
    /// Layout: LSB Core, "Symbol Versioning", the same for 32 and 64 bits.
    /// - Throws: `ELFError`, or what the source throws.
    public func symbolVersions(_ dynamic: DynamicSection) throws -> [String] {
        guard let address = dynamic.versionDefinitions, let strings = dynamic.strings else { return [] }
        // glibc, which defines most, has some 50.
        let count = min(dynamic.versionDefinitionCount ?? 0, 1024)
        let window = try window(atAddress: address, count: 64 << 10)
        var names: [String] = []
        var position = 0
        for _ in 0..<count {
            // Offsets are unsigned and the window is small, so that a circle is impossible and sums fit.
            guard let auxiliary = window.u32(position + 12), let next = window.u32(position + 16),
                auxiliary < window.count, let name = window.u32(position + Int(auxiliary))
            else { throw ELFError.truncated(part: "the table of symbol versions") }
            names.append(try string(at: strings, UInt64(name)))
            guard next > 0, next < window.count else { break }
            position += Int(next)
        }
        return names
    }
}
