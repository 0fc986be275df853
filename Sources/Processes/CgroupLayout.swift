public import OS

/// How cgroups are mounted here: /proc/self/mountinfo, proc_pid_mountinfo(5).
public struct CgroupLayout: Equatable, Sendable {
    public enum Kind: String, Sendable {
        case legacy = "v1"
        case unified = "v2"
        /// v1 controllers and a v2 tree beside them: processes have a path in both.
        case hybrid
        case none
    }

    /// Where the v2 tree is mounted: /sys/fs/cgroup, in hybrid often /sys/fs/cgroup/unified.
    public let unified: String?
    /// The root of that mount in the v2 tree: "/" but for a bind mount or a foreign cgroup namespace.
    public let unifiedRoot: String
    /// Mount points of the v1 trees by controllers ("cpu,cpuacct", "name=systemd").
    public let legacy: [String: String]

    public var kind: Kind {
        switch (unified != nil, !legacy.isEmpty) {
        case (true, true): .hybrid
        case (true, false): .unified
        case (false, true): .legacy
        case (false, false): .none
        }
    }

    public static func current() throws(SystemError) -> CgroupLayout {
        CgroupLayout(mountinfo: try Files.read("/proc/self/mountinfo", limit: 64 << 20))
    }

    /// Takes the v2 mount that shows the whole tree, of several the one with the shortest path.
    public init(mountinfo: [UInt8]) {
        var best: (root: String, point: String)?
        var legacy: [String: String] = [:]
        for line in mountinfo.split(separator: UInt8(ascii: "\n")) {
            // id parent major:minor root point options [optional…] - type source superOptions
            let fields = line.split(separator: UInt8(ascii: " "))
            guard let dash = fields.dropFirst(6).firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                fields.count > dash + 3
            else { continue }
            let (root, point) = (Self.unescaped(fields[3]), Self.unescaped(fields[4]))
            switch String(decoding: fields[dash + 1], as: UTF8.self) {
            case "cgroup2":
                let mount = (root: root, point: point)
                if let known = best, Self.rank(known) <= Self.rank(mount) { continue }
                best = mount
            case "cgroup":
                let options = Self.unescaped(fields[dash + 3]).split(separator: ",")
                let flags: Set<Substring> = ["rw", "ro", "xattr", "clone_children", "cpuset_v2_mode", "noprefix"]
                let controllers = options.filter { !flags.contains($0) && !$0.hasPrefix("release_agent=") }
                legacy[controllers.joined(separator: ","), default: point] = point
            default:
                continue
            }
        }
        unified = best?.point
        unifiedRoot = best?.root ?? "/"
        self.legacy = legacy
    }

    private static func rank(_ mount: (root: String, point: String)) -> (Int, Int) {
        (mount.root == "/" ? 0 : 1, mount.point.utf8.count)
    }

    /// Space, tab, newline and backslash stand as three octal digits.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                result.append(value)
                rest.removeFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
