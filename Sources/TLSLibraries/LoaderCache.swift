public import ELFImage

/// `/etc/ld.so.cache`: where the loader of glibc finds libraries by name (glibc, sysdeps/generic/dl-cache.h). A
/// container has one of its own, so it is not trusted.
public struct LoaderCache: Sendable {
    public struct Entry: Sendable, Hashable {
        public let soname: String
        /// As seen by the programs that use the cache.
        public let path: String
    }

    /// In the cache's order: variants for newer processors (`glibc-hwcaps`) before the plain one.
    public let entries: [Entry]
    private let paths: [String: [String]]

    /// The default place.
    public static let path = "/etc/ld.so.cache"

    /// Bytes; a host with every library of a distribution has some 500 KB.
    private static let sizeLimit = 8 << 20
    private static let entryLimit = 1 << 16
    /// Bytes of all names and paths together: entries may share one long text.
    private static let textLimit = 16 << 20

    /// - Throws: `LoaderCacheError`, or what the source throws.
    public init(_ source: any ByteSource) throws {
        let bytes = try source.read(at: 0, count: Self.sizeLimit + 1)
        guard bytes.count <= Self.sizeLimit else { throw LoaderCacheError("is larger than \(Self.sizeLimit) bytes") }
        let reader = try CacheReader(bytes)
        guard reader.count <= Self.entryLimit else { throw LoaderCacheError("has \(reader.count) entries") }
        var entries: [Entry] = []
        var paths: [String: [String]] = [:]
        var text = 0
        for index in 0..<reader.count {
            guard let entry = reader.entry(index) else { throw LoaderCacheError("is cut off in entry \(index)") }
            text += entry.soname.utf8.count + entry.path.utf8.count
            guard text <= Self.textLimit else { throw LoaderCacheError("has too much text") }
            entries.append(entry)
            paths[entry.soname, default: []].append(entry.path)
        }
        self.entries = entries
        self.paths = paths
    }

    /// All paths of a library; several where there are variants or architectures.
    public func paths(of soname: String) -> [String] {
        paths[soname] ?? []
    }
}

/// Why a loader cache can't be read; the description fits after its path.
public struct LoaderCacheError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The fields of the format `glibc-ld.so.cache1.1`: a header of 48 bytes, entries of 24, strings behind them, offsets
/// counted from the header. ldconfig may write the format before 2.2 in front of it.
private struct CacheReader {
    private let bytes: [UInt8]
    private let start: Int
    private let isBigEndian: Bool
    let count: Int

    init(_ bytes: [UInt8]) throws(LoaderCacheError) {
        let magic = Array("glibc-ld.so.cache1.1".utf8)
        let oldMagic = Array("ld.so-1.7.0".utf8) + [0]
        var start = 0
        if bytes.starts(with: oldMagic) {
            // Entries of 12 bytes, whose strings come behind the new part. This format is in the host's byte order,
            // which the new part's position shows.
            let counts = [false, true].compactMap { Self.number(bytes, 12, isBigEndian: $0) }
            let starts = counts.map { (16 + Int($0) * 12 + 7) & ~7 }
            guard let found = starts.first(where: { $0 < bytes.count && bytes[$0...].starts(with: magic) }) else {
                throw LoaderCacheError("has the format of glibc before 2.2 only")
            }
            start = found
        }
        guard bytes[start...].starts(with: magic), bytes.count - start >= 48 else {
            throw LoaderCacheError("is no loader cache of glibc")
        }
        // Byte 28: 2 little endian, 3 big endian, 0 before glibc 2.33, when it was the host's order.
        let isBigEndian = bytes[start + 28] & 3 == 3
        guard let count = Self.number(bytes, start + 20, isBigEndian: isBigEndian),
            Int(count) <= (bytes.count - start - 48) / 24
        else { throw LoaderCacheError("is cut off") }
        self.bytes = bytes
        self.start = start
        self.isBigEndian = isBigEndian
        self.count = Int(count)
    }

    /// Nil where its strings lie outside.
    func entry(_ index: Int) -> LoaderCache.Entry? {
        let position = start + 48 + index * 24
        guard let soname = string(at: position + 4), let path = string(at: position + 8) else { return nil }
        return LoaderCache.Entry(soname: soname, path: path)
    }

    private func string(at position: Int) -> String? {
        guard let offset = Self.number(bytes, position, isBigEndian: isBigEndian) else { return nil }
        let first = start + Int(offset)
        guard first < bytes.count else { return nil }
        let rest = bytes[first...].prefix(4096)
        guard let end = rest.firstIndex(of: 0) else { return nil }
        return String(decoding: bytes[first..<end], as: UTF8.self)
    }

    private static func number(_ bytes: [UInt8], _ position: Int, isBigEndian: Bool) -> UInt32? {
        guard position >= 0, position + 4 <= bytes.count else { return nil }
        let field = bytes[position..<(position + 4)]
        return (isBigEndian ? Array(field) : field.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
