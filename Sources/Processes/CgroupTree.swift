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

    /// Every cgroup, parents before their children. Those that go meanwhile are left out, and those whose path is longer
    /// than a path may be: any user with cgroups of his own can make them.
    /// - Throws: when the root can't be read.
    public func nodes() throws(SystemError) -> [Node] {
        var nodes = [Node(id: try FileStatus(path: mountPoint).inode, path: "/")]
        var next = 0
        while next < nodes.count {
            let parent = nodes[next].path == "/" ? "" : nodes[next].path
            next += 1
            do throws(SystemError) {
                for folder in try Files.subfolders(of: mountPoint + parent) {
                    nodes.append(Node(id: folder.inode, path: parent + "/" + folder.name))
                }
            } catch {
                if !(error.isNotFound || error.isPathTooLong) || parent.isEmpty { throw error }
            }
        }
        return nodes
    }

    /// The id of a cgroup.
    public func id(ofPath path: String) throws(SystemError) -> UInt64 {
        try FileStatus(path: mountPoint + path).inode
    }
}
