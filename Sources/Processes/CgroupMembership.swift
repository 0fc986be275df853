public import OS

/// The cgroups of a process: /proc/PID/cgroup, cgroups(7).
///
/// Paths begin at the root of the reader's cgroup namespace; what lies outside shows as "/../…".
public struct CgroupMembership: Equatable, Sendable {
    /// The path in the v2 hierarchy; nil where there is none (pure v1).
    public let unified: String?
    /// The v1 hierarchies, in the kernel's order.
    public let legacy: [Legacy]

    public struct Legacy: Equatable, Sendable {
        /// "cpu,cpuacct", "name=systemd".
        public let controllers: String
        public let path: String
    }

    public init(pid: Int32) throws(SystemError) {
        self.init(file: try Files.read("/proc/\(pid)/cgroup"))
    }

    /// Parses lines of the form `hierarchy:controllers:path`; the v2 one is `0::path`. Paths may hold colons.
    public init(file: [UInt8]) {
        var unified: String?
        var legacy: [Legacy] = []
        for line in file.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 3 else { continue }
            if fields[0] == "0" && fields[1].isEmpty {
                unified = fields[2]
            } else {
                legacy.append(Legacy(controllers: fields[1], path: fields[2]))
            }
        }
        self.unified = unified
        self.legacy = legacy
    }

    /// Every path once, the v2 one first.
    public var paths: [String] {
        var paths: [String] = []
        for path in [unified].compactMap(\.self) + legacy.map(\.path) where !paths.contains(path) {
            paths.append(path)
        }
        return paths
    }
}
