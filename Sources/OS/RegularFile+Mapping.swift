internal import CShims
internal import Glibc

extension RegularFile {
    /// Device (major << 20 | minor) and inode as /proc/PID/maps shows them where a process maps this file. `stat` gives
    /// other numbers on an overlay or Btrfs. A page is mapped for that, and never read.
    /// - Returns: nil where the file can't be mapped.
    public func mappedIdentity() -> (device: UInt64, inode: UInt64)? {
        let length = sysconf(Int32(_SC_PAGESIZE))
        let mapping = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor.number, 0)
        guard let mapping, mapping != MAP_FAILED else { return nil }
        defer { munmap(mapping, length) }
        let address = UInt64(UInt(bitPattern: mapping))
        guard let maps = try? Descriptor.reading("/proc/self/maps") else { return nil }
        var found = sniscope_mapping()
        if sniscope_query_mapping_at(maps.number, address, &found) == 0 { return (found.device, found.inode) }
        return Self.identity(inMapsAt: address)
    }

    /// Before Linux 6.11 the text of the maps tells: "start-end perms offset major:minor inode path".
    private static func identity(inMapsAt address: UInt64) -> (device: UInt64, inode: UInt64)? {
        guard let bytes = try? Files.read("/proc/self/maps", limit: 64 << 20) else { return nil }
        let line = bytes.split(separator: UInt8(ascii: "\n")).first {
            // The page may be part of a mapping that was there before.
            let bounds = $0.prefix { $0 != UInt8(ascii: " ") }.split(separator: UInt8(ascii: "-")).map(hexadecimal)
            guard bounds.count == 2, let start = bounds[0], let end = bounds[1] else { return false }
            return start <= address && address < end
        }
        guard let fields = line?.split(separator: UInt8(ascii: " ")), fields.count >= 5 else { return nil }
        let device = fields[3].split(separator: UInt8(ascii: ":")).map(hexadecimal)
        guard device.count == 2, let major = device[0], let minor = device[1],
            let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
        else { return nil }
        return (major << 20 | minor, inode)
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
