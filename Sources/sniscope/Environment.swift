import OS

/// This process's environment, as bytes repaired to UTF-8.
enum Environment {
    /// "NAME=value".
    static let entries: [String] = {
        guard let bytes = try? Files.read("/proc/self/environ", limit: 4 << 20) else { return [] }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }()

    static subscript(_ name: String) -> String? {
        entries.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}
