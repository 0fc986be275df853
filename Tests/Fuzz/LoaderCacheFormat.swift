import ELFImage
import TLSLibraries

/// ld.so.cache, in the form of glibc since 2.2 (sysdeps/generic/dl-cache.h).
enum LoaderCacheFormat {
    static let format = Format(name: "loader-cache") {
        let samples = [sample(isOldFormatInFront: false), sample(isOldFormatInFront: true)]
        return { choices in
            guard let sample = choices.element(of: samples) else { return }
            guard let cache = try? LoaderCache(MemorySource(sample.edited(&choices))) else { return }
            let resolver = NeededResolver(cache: cache) { _ in nil }
            _ = try? resolver.resolve("/bin/program")
        }
    }

    private static func sample(isOldFormatInFront: Bool) -> BinarySample {
        var bytes: [UInt8] = []
        var fields: [Field] = []
        func append(_ number: UInt64, _ width: Int) {
            fields.append(Field(offset: bytes.count, width: width))
            bytes += (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
        }
        if isOldFormatInFront {
            bytes += Array("ld.so-1.7.0".utf8) + [0]
            append(2, 4)
            for _ in 0..<2 { for _ in 0..<3 { append(0, 4) } }
        }
        while bytes.count % 8 != 0 { bytes.append(0) }
        let names = ["libssl.so.3", "/lib/libssl.so.3", "libgnutls.so.30", "/usr/lib/libgnutls.so.30"]
        var offsets: [UInt64] = []
        var strings: [UInt8] = []
        for name in names {
            offsets.append(UInt64(48 + 2 * 24 + strings.count))
            strings += Array(name.utf8) + [0]
        }
        bytes += Array("glibc-ld.so.cache1.1".utf8)
        append(2, 4)
        append(UInt64(strings.count), 4)
        append(2, 1)
        bytes += [0, 0, 0]
        append(0, 4)
        for _ in 0..<3 { append(0, 4) }
        for entry in 0..<2 {
            append(0x0303, 4)
            append(offsets[2 * entry], 4)
            append(offsets[2 * entry + 1], 4)
            append(0, 4)
            append(0, 8)
        }
        return BinarySample(bytes: bytes + strings, fields: fields)
    }
}
