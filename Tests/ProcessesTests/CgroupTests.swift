import Foundation
import OS
import Testing

@testable import Processes

@Suite("Cgroups")
struct CgroupTests {
    @Test("membership in both hierarchies; a path may hold colons")
    func membership() {
        let file = "12:cpu,cpuacct:/docker/a\n1:name=systemd:/user.slice\n0::/docker/a:b:c\nnonsense\n"
        let membership = CgroupMembership(file: Array(file.utf8))
        #expect(membership.unified == "/docker/a:b:c")
        #expect(membership.legacy.map(\.controllers) == ["cpu,cpuacct", "name=systemd"])
        #expect(membership.paths == ["/docker/a:b:c", "/docker/a", "/user.slice"])
        #expect(CgroupMembership(file: []).paths.isEmpty)
    }

    private let hybrid = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,release_agent=/x,name=systemd
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:1 master:2 - cgroup2 cgroup2 rw,nsdelegate
        """

    @Test("hybrid")
    func hybridLayout() {
        let layout = CgroupLayout(mountinfo: Array(hybrid.utf8))
        #expect(layout.kind == .hybrid)
        #expect(layout.unified == "/sys/fs/cgroup/unified")
        #expect(
            layout.legacy == [
                "cpu,cpuacct": "/sys/fs/cgroup/cpu,cpuacct", "name=systemd": "/sys/fs/cgroup/systemd",
            ])
    }

    @Test("pure v1, pure v2, nothing")
    func pureLayouts() {
        let lines = hybrid.split(separator: "\n")
        let legacy = CgroupLayout(mountinfo: Array(lines[..<3].joined(separator: "\n").utf8))
        #expect(legacy.kind == .legacy && legacy.unified == nil && CgroupTree(layout: legacy) == nil)
        #expect(CgroupLayout(mountinfo: Array(lines[3].utf8)).kind == .unified)
        #expect(CgroupLayout(mountinfo: Array("x\n- - -\n1 2 3 4 5 6 -\n1 2 3 4 5 6 - cgroup2\n".utf8)).kind == .none)
    }

    @Test("of several v2 mounts the whole one counts, and escapes are undone")
    func severalMounts() {
        let text = """
            50 1 0:38 /docker/abc /c rw - cgroup2 cgroup2 rw
            51 1 0:38 / /mnt/my\\040cgroups rw - cgroup2 cgroup2 rw
            52 1 0:38 / /mnt/my\\040cgroups\\134again rw - cgroup2 cgroup2 rw
            """
        let layout = CgroupLayout(mountinfo: Array(text.utf8))
        #expect(layout.unified == "/mnt/my cgroups" && layout.unifiedRoot == "/")
    }

    @Test("of each part of the hierarchy a share is listed, from the outermost")
    func shares() throws {
        let root = FileManager.default.temporaryDirectory.path + "/sniscope-tree-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: root) }
        var own: Set = ["/", "/user.slice", "/user.slice/user-1.slice", "/user.slice/user-2.slice"]
        own.insert("/user.slice/user-2.slice/x")
        let deep = "/user.slice/user-1.slice" + String(repeating: "/deep", count: 100)
        for path in own.union([deep, "/user.slice/user-1.slice/a", "/user.slice/user-1.slice/b"]) {
            try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
        }
        let tree = CgroupTree(mountPoint: root)
        #expect(try tree.nodes().count == own.count + 102)
        let nodes = try tree.nodes(mostBytesOfPart: 200).map(\.path)
        #expect(own.isSubset(of: nodes) && nodes.contains("/user.slice/user-1.slice/a") && nodes.count < own.count + 8)
    }

    @Test("the tree gives ids that are inode numbers", .enabled(if: hasUnifiedTree, "no cgroup2 mount here"))
    func tree() throws {
        let tree = try #require(CgroupTree(layout: .current()))
        let nodes = try tree.nodes()
        #expect(nodes.first?.path == "/")
        for node in nodes.prefix(50) {
            guard let id = try? tree.id(ofPath: node.path) else { continue }
            #expect(id == node.id, "\(node.path)")
        }
    }
}

private let hasUnifiedTree = (try? CgroupLayout.current())?.unified != nil
