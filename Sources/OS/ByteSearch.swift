internal import Glibc

/// Looks through bytes as fast as the C library can: some ten times faster than a loop, a hundred times in builds for
/// debugging.
public enum ByteSearch {
    /// Where `byte` stands first at or after `start`; nil where it does not.
    public static func firstIndex(of byte: UInt8, in bytes: [UInt8], from start: Int) -> Int? {
        guard start >= 0, start < bytes.count else { return nil }
        return bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let found = memchr(base + start, Int32(byte), buffer.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}
