public import OS

/// The folders of the v2 hierarchy. Their ids are what `bpf_get_current_cgroup_id` and the cgroup tracepoints give:
/// on 64 bits a kernfs node's id is its inode number (Linux, include/linux/kernfs.h, `kernfs_ino`).
public struct CgroupTree: Sendable {
    public struct Node: Sendable, Equatable {
        public let id: UInt64
        /// From the hierarchy's root: "/", "/docker/0123…".
        public let path: String
    }

    /// Where the tree is mounted.
    public let mountPoint: String

    public init(mountPoint: String) {
        self.mountPoint = mountPoint
    }

    /// nil where there is no v2 tree.
    public init?(layout: CgroupLayout) {
        guard let mountPoint = layout.unified else { return nil }
        self.init(mountPoint: mountPoint)
    }

    /// A hierarchy that shows every container: they are in all of them, the v2 one first. nil where there is none.
    public init?(anyOf layout: CgroupLayout) {
        guard let mountPoint = layout.unified ?? layout.legacy.min(by: { $0.key < $1.key })?.value else { return nil }
        self.init(mountPoint: mountPoint)
    }

    /// Of a part of the hierarchy, two levels below its root (a user's slice, a container of Docker's, pods of a kind),
    /// paths of so many bytes are listed: far more than any host needs, and users make cgroups as deep and as many as
    /// they like.
    public static let mostBytesOfPart = 8 << 20

    /// Every cgroup, parents before their children. Those that go meanwhile are left out, and those whose path is longer
    /// than a path may be, or that are too many in their part of the hierarchy: any user with cgroups of his own can make
    /// them.
    /// - Throws: when the root can't be read.
    public func nodes(mostBytesOfPart: Int = mostBytesOfPart) throws(SystemError) -> [Node] {
        var nodes = [Node(id: try FileStatus(path: mountPoint).inode, path: "/")]
        // Of each node the one two levels below the root that it is in; nil above.
        var parts: [Int?] = [nil]
        var levels = [0]
        var bytes: [Int: Int] = [:]
        var next = 0
        while next < nodes.count {
            let (index, level) = (next, levels[next])
            let parent = nodes[index].path == "/" ? "" : nodes[index].path
            let part = parts[index] ?? (level == Self.levelOfParts ? index : nil)
            next += 1
            do throws(SystemError) {
                // Each takes more bytes of the part than this.
                for folder in try Files.subfolders(of: mountPoint + parent, limit: part == nil ? .max : 1 << 18) {
                    let path = parent + "/" + folder.name
                    if let part {
                        let size = bytes[part, default: 0] + path.utf8.count
                        guard size <= mostBytesOfPart else { break }
                        bytes[part] = size
                    }
                    nodes.append(Node(id: folder.inode, path: path))
                    parts.append(part)
                    levels.append(level + 1)
                }
            } catch {
                if !(error.isNotFound || error.isPathTooLong) || parent.isEmpty { throw error }
            }
        }
        return nodes
    }

    private static let levelOfParts = 2

    /// The id of a cgroup.
    public func id(ofPath path: String) throws(SystemError) -> UInt64 {
        try FileStatus(path: mountPoint + path).inode
    }
}
