import Foundation
import Processes
import Testing

@testable import Containers

private let id = String(repeating: "a", count: 64)
private let user: UInt32 = 54321

@Suite("Containers of users, and what users call like root's")
struct UserContainerTests {
    /// A hierarchy of folders; those of `owned` are the user's.
    private func withTree(
        _ paths: [String], owned: [String] = [], _ body: (_ ownership: CgroupOwnership, _ root: String) throws -> Void
    ) throws {
        let root = FileManager.default.temporaryDirectory.path + "/" + uniqueName("sniscope-cgroups")
        defer { try? FileManager.default.removeItem(atPath: root) }
        for path in paths {
            try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
        }
        for path in owned { #expect(chown(root + path, user, user) == 0) }
        try body(CgroupOwnership(mounts: [root + "/elsewhere", root]), root)
    }

    @Test("a cgroup is whose the one above is; its own owner may be the container's", .enabled(if: geteuid() == 0))
    func owners() throws {
        let scope = "/machine.slice/libpod-\(id).scope"
        try withTree(["/alice/x/docker-\(id).scope", scope], owned: ["/alice", "/alice/x", scope]) { ownership, _ in
            #expect(ownership.user(ofCgroup: "/alice/x/docker-\(id).scope") == user)
            #expect(ownership.user(ofCgroup: "/alice/gone/docker-\(id).scope") == user)
            #expect(ownership.user(ofCgroup: "/alice") == 0)
            #expect(ownership.user(ofCgroup: scope) == 0)
            #expect(ownership.user(ofCgroup: scope + "/below") == user)
            #expect(ownership.user(ofCgroup: "/gone/docker-\(id).scope") == 0)
        }
        // Where a group may write too, whoever made the cgroup counts.
        try withTree(["/shared/docker-\(id).scope"], owned: ["/shared/docker-\(id).scope"]) { ownership, root in
            #expect(ownership.user(ofCgroup: "/shared/docker-\(id).scope") == 0)
            #expect(chmod(root + "/shared", 0o775) == 0)
            // What is known of a folder counts for a moment: another one asks anew.
            let later = CgroupOwnership(mounts: [root])
            #expect(later.user(ofCgroup: "/shared/docker-\(id).scope") == user)
        }
    }

    @Test(
        "systemd's names of what it hands out",
        arguments: [
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope", 1000),
            ("/user.slice/user-1000.slice/user@1000.service/user-7.slice/user@7.service/libpod-\(id).scope", 1000),
            ("/user.slice/user-1000.slice/user@1000.service", 0), ("/user.slice/user-1000.slice/session-1.scope", 0),
            ("/user.slice/user-0.slice/user@0.service/libpod-\(id).scope", 0), ("/docker/\(id)", 0), ("/", 0), ("", 0),
            // root in a container may call cgroups so.
            ("/docker/\(id)/user-1000.slice/user@1000.service/x/y", 0),
            ("/docker/\(id)/user.slice/user-1000.slice/user@1000.service/x/y", 0),
            ("/user-1000.slice/user@1000.service/x/y", 0),
        ] as [(String, UInt32)])
    func names(path: String, owner: UInt32) {
        #expect(CgroupOwnership(mounts: []).user(ofCgroup: path) == owner)
    }

    @Test(
        "all in a user's slice is paid for by that user, and nothing elsewhere",
        arguments: [
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope", 1000),
            ("/user.slice/user-1000.slice/user@1000.service", 1000), ("/user.slice/user-1000.slice", 1000),
            ("/user.slice/user-1000.slice/session-1.scope", 1000), ("/user.slice/user-0.slice/session-1.scope", 0),
            ("/user.slice/user-1000.slice/x/user.slice/user-7.slice/y", 1000),
            ("/user.slice", nil), ("/user.slice/user-.slice/x", nil), ("/user.slice/user-+7.slice/x", nil),
            ("/user.slice/user-007.slice/x", nil), ("/user.slice/user-4294967296.slice/x", nil),
            ("/user.slice/user-7.slice.d/x", nil), ("/user.slice/user-7/x", nil), ("/", nil), ("", nil),
            ("/docker/\(id)/user.slice/user-1000.slice/user@1000.service", nil),
            ("/system.slice/user-1000.slice/user@1000.service/x", nil),
            ("/../user.slice/user-1000.slice/user@1000.service", nil),
        ] as [(String, UInt32?)])
    func payers(path: String, payer: UInt32?) {
        #expect(CgroupOwnership.payer(ofPath: path) == payer)
    }

    /// Knows every id, as root's container.
    private struct Believer: ContainerRuntime {
        let name = RuntimeName.docker
        func container(_ clue: ContainerClue) -> Container? {
            Container(runtime: .docker, id: clue.id, name: "payments-api")
        }
        func containers() -> ContainerListing { ContainerListing() }
        func bundlePath(ofContainer id: String) -> String? { nil }
    }

    @Test(
        "no cgroup of a user's is a container of root's, whatever it is called",
        arguments: [
            ("docker-\(id).scope", .docker), ("libpod-\(id).scope", .podman), ("crio-\(id).scope", .unknown),
            ("machine-web.scope", .nspawn), ("kubepods-pod2b3e9c1e_4f0a_4b55_9d2c_7a1f0c3d5e6f.slice/\(id)", .unknown),
        ] as [(String, RuntimeName)])
    func impostor(name: String, runtime: RuntimeName) throws {
        let runtimes = ContainerRuntimes(runtimes: [Believer()], ownership: CgroupOwnership(mounts: []))
        let path = "/user.slice/user-\(user).slice/user@\(user).service/\(name)"
        let container = try #require(runtimes.container(atCgroup: path)?.container)
        #expect(container.uid == user && container.runtime == runtime && container.kubernetes == nil)
        #expect(container.name.hasPrefix("\(user)/") && !container.name.contains("payments"))
        let own = try #require(runtimes.container(atCgroup: "/system.slice/docker-\(id).scope")?.container)
        #expect(own.uid == nil && own.name == "payments-api")
    }

    @Test("a user's names: no slash, no control character, no pod")
    func ownNames() {
        func name(_ name: String) -> String {
            Container(
                runtime: .podman, id: id, name: name,
                kubernetes: KubernetesContainer(namespace: "n", podName: "p", containerName: "c", podUID: nil)
            ).owned(by: user).name
        }
        #expect(name("web") == "\(user)/web")
        for hostile in ["a/web", "\u{1b}[2J", "a b"] { #expect(name(hostile) == "\(user)/\(id.prefix(12))") }
        #expect(Container(runtime: .podman, id: id, name: "web").owned(by: 0).name == "web")
    }

    @Test("an id that root's container and a user's have is two containers")
    func doubles() {
        var directory = ContainerDirectory()
        let roots = Container(runtime: .podman, id: id, name: "web", cgroupPath: "/libpod-\(id)")
        let users = Container(runtime: .podman, id: id, name: "web", mountNamespace: 7).owned(by: user)
        directory.add(roots)
        directory.add(users)
        #expect(directory.update(id: id) { $0.name = "new" }?.uid == nil)
        #expect(directory.container(forMountNamespace: 7) == users && directory.all.count == 2)
    }

    @Test("a container's cgroup is the outermost, also where one below it was taken for another's before")
    func nestedFirst() {
        var directory = ContainerDirectory()
        let outer = Container(runtime: .runc, id: "web", name: "web", cgroupPath: "/web")
        let inner = Container(runtime: .docker, id: id, name: "other", cgroupPath: "/web/docker-\(id).scope")
        directory.expect(cgroup: "/web", cgroupID: 1)
        directory.expect(cgroup: "/web/docker-\(id).scope", cgroupID: 2)
        directory.settle(cgroup: "/web/docker-\(id).scope", inner)
        directory.settle(cgroup: "/web", outer)
        #expect(directory.owner(ofCgroup: 2) == .container(outer) && directory.all == [outer])
    }

    @Test(
        "a process called dockerd in a mount namespace of its own is no daemon",
        .enabled(if: geteuid() == 0 && HostTools.has("unshare", "bash")))
    func impostorDaemon() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/" + uniqueName("sniscope-daemon")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // The kernel takes a process's name from the path that is executed.
        try FileManager.default.createSymbolicLink(atPath: folder + "/dockerd", withDestinationPath: "/bin/bash")
        let daemon = [folder + "/dockerd", "-c", "while :; do read -t 600 <> <(:); done", "--data-root", folder]
        for (command, isDaemon) in [(daemon, true), (["unshare", "-m"] + daemon, false)] {
            let pid = try HostTools.start(command)
            defer { HostTools.stop(pid) }
            _ = try await HostTools.poll("the daemon's name") {
                ProcessRecord.comm(of: pid) == "dockerd" ? true : nil
            }
            let roots = DockerDaemon.among(try RuntimeProcess.running()).map(\.dataRoot)
            #expect(roots.contains(folder) == isDaemon)
        }
    }
}
