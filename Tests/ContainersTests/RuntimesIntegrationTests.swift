import Foundation
import OS
import Processes
import Testing

@testable import Containers

@Suite(
    "Containers of real runtimes without a daemon", .serialized, .timeLimit(.minutes(2)),
    .enabled(if: geteuid() == 0, "containers need root"))
struct RuntimesIntegrationTests {
    /// The running container with that name; fails where there are several.
    /// - Parameter isRunning: Whether its first process is to be the program that was asked for: for some time it is the
    ///   runtime's, on its way into the container.
    private func listed(_ name: String, _ runtime: RuntimeName, isRunning: Bool = true) async throws -> Container {
        try await HostTools.poll("\(name) in the list") {
            let found = ContainerRuntimes.discover().list().containers.filter { $0.name == name }
            #expect(found.count < 2)
            return found.first { container in
                guard container.runtime == runtime, let pid = container.initPid else { return false }
                return !isRunning || (try? ProcessRecord(pid: pid).arguments) == ["/bin/sleep", "600"]
            }
        }
    }

    /// Whether a snapshot says that the container's first process is in it, and this one and another one in none.
    private func expectInSnapshot(
        _ container: Container, andNot other: Int32 = getpid(), sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var snapshot = ContainerSnapshot()
        let found = snapshot.container(ofProcess: try #require(container.initPid))
        #expect(found?.id == container.id && found?.runtime == container.runtime, sourceLocation: sourceLocation)
        for host in [other, getpid()] {
            let found = snapshot.container(ofProcess: host)
            #expect(found == nil, sourceLocation: sourceLocation)
        }
    }

    @Test("runc run --detach, and in the foreground with a root folder of its own", .enabled(if: HostTools.has("runc")))
    func runc() async throws {
        let name = uniqueName("runc")
        let bundle = try TestBundle(name)
        defer { bundle.remove() }
        try HostTools.run("runc", "run", "--detach", "--bundle", bundle.path, name)
        defer { try? HostTools.run("runc", "delete", "--force", name) }
        let container = try await listed(name, .runc)
        #expect(container.cgroupPath?.hasSuffix("/" + name) == true && container.mountNamespace == nil)
        #expect(container.bundlePath == bundle.path)
        try expectInSnapshot(container)

        let other = uniqueName("rooted")
        let root = bundle.path + "/state"
        let foreground = try HostTools.start(["runc", "--root", root, "run", "--bundle", bundle.path, other])
        defer {
            try? HostTools.run("runc", "--root", root, "delete", "--force", other)
            HostTools.stop(foreground)
        }
        try expectInSnapshot(try await listed(other, .runc))
    }

    @Test("a container that has been made and not started yet", .enabled(if: HostTools.has("runc")))
    func created() async throws {
        let name = uniqueName("created")
        let bundle = try TestBundle(name, cgroupsPath: "/\(name)-group")
        defer { bundle.remove() }
        try HostTools.run("runc", "create", "--bundle", bundle.path, name)
        defer { try? HostTools.run("runc", "delete", "--force", name) }
        let container = try await listed(name, .runc, isRunning: false)
        #expect(container.cgroupPath == "/\(name)-group")
        try HostTools.run("runc", "start", name)
        #expect(try await listed(name, .runc).initPid == container.initPid)
    }

    /// crun refuses v2 hierarchies with controllers beside v1; it asks this one file.
    @Test("crun, with a cgroup and without", .enabled(if: HostTools.has("crun", "unshare")), arguments: [true, false])
    func crun(hasCgroup: Bool) async throws {
        let name = uniqueName("crun")
        let bundle = try TestBundle(name)
        defer { bundle.remove() }
        let layout = try CgroupLayout.current()
        var preparation = ":"
        if layout.kind == .hybrid, let unified = layout.unified {
            try Data().write(to: URL(filePath: bundle.path + "/none"))
            preparation = "mount --bind \(bundle.path)/none \(unified)/cgroup.controllers"
        }
        let manager = hasCgroup ? "" : "--cgroup-manager=disabled"
        try HostTools.run(
            "unshare", "-m", "sh", "-ec",
            "\(preparation); exec crun \(manager) run --detach --bundle \(bundle.path) \(name)")
        defer { try? HostTools.run("crun", "delete", "--force", name) }
        let container = try await listed(name, .crun)
        #expect((container.cgroupPath?.hasSuffix("/" + name) == true) == hasCgroup)
        #expect((container.mountNamespace == nil) == hasCgroup)
        #expect(container.bundlePath == bundle.path)
        try expectInSnapshot(container)
    }

    @Test("runc of a user without rights on cgroups", .enabled(if: HostTools.has("runc", "setpriv", "chown")))
    func rootless() async throws {
        let user = 54321
        let name = uniqueName("rootless")
        let bundle = try TestBundle(name)
        let runtimeFolder = "/run/user/\(user)"
        try FileManager.default.createDirectory(atPath: runtimeFolder, withIntermediateDirectories: true)
        defer {
            try? FileManager.default.removeItem(atPath: runtimeFolder)
            bundle.remove()
        }
        let command =
            ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "env"]
            + ["XDG_RUNTIME_DIR=\(runtimeFolder)", "runc"]
        let script =
            #"cd "$0" && rm config.json && "$@" spec --rootless && "#
            + #"sed -i -e 's/"terminal": true/"terminal": false/' -e 's|"sh"|"/bin/sleep", "600"|' config.json"#
        try HostTools.run("chown", "-R", "\(user):\(user)", runtimeFolder, bundle.path)
        try HostTools.run(["sh", "-ec", script, bundle.path] + command)
        try HostTools.run(command + ["run", "--detach", "--bundle", bundle.path, name])
        defer { try? HostTools.run(command + ["delete", "--force", name]) }
        let container = try await listed("\(user)/\(name)", .runc)
        #expect(container.cgroupPath == nil && container.uid == UInt32(user))
        let namespace = try #require(container.mountNamespace)
        #expect(ContainerRuntimes.usersContainers(inMountNamespaces: [namespace])[namespace]?.id == name)
        #expect(ContainerRuntimes.containers(inMountNamespaces: [namespace])[namespace] == nil)
        let own = try #require(ProcessRecord.mountNamespace(of: getpid()))
        #expect(ContainerRuntimes.containers(inMountNamespaces: [own])[own] == nil)
        #expect(ContainerRuntimes.usersContainers(inMountNamespaces: [own])[own] == nil)
        try expectInSnapshot(container)
    }

    @Test(
        "lxc-start: the container's name, and none for its monitor",
        .enabled(if: HostTools.has("lxc-start", "lxc-stop")))
    func lxc() async throws {
        let name = uniqueName("lxc")
        let bundle = try TestBundle(uniqueName("sniscope lxc path"))
        defer { bundle.remove() }
        try FileManager.default.createDirectory(atPath: "\(bundle.path)/\(name)", withIntermediateDirectories: true)
        let config = """
            lxc.rootfs.path = dir:\(bundle.root)
            lxc.net.0.type = none
            lxc.apparmor.profile = unconfined
            lxc.init.cmd = /bin/sleep 600

            """
        try Data(config.utf8).write(to: URL(filePath: "\(bundle.path)/\(name)/config"))
        try HostTools.run("lxc-start", "-P", bundle.path, "-n", name, "-d")
        defer { try? HostTools.run("lxc-stop", "-P", bundle.path, "-n", name, "-k") }
        let container = try await listed(name, .lxc)
        #expect(container.cgroupPath?.hasSuffix("lxc.payload." + name) == true)
        try expectInSnapshot(container, andNot: try ProcessStatus(pid: try #require(container.initPid)).parent)
        let clue = ContainerClue(id: name + "-1", cgroupPath: "/lxc.payload.\(name)-1", hint: .lxc)
        #expect(try LXCRuntime([]).container(clue)?.name == name)
    }

    @Test("systemd-nspawn without systemd: the container's name", .enabled(if: HostTools.has("systemd-nspawn")))
    func nspawn() async throws {
        let name = uniqueName("nspawn")
        let bundle = try TestBundle(name)
        defer { bundle.remove() }
        let process = try HostTools.start([
            "systemd-nspawn", "--register=no", "--keep-unit", "-q", "-M", name, "-D", bundle.root, "/bin/sleep", "600",
        ])
        defer { HostTools.stop(process) }
        let container = try await listed(name, .nspawn)
        #expect(container.cgroupPath == nil && container.mountNamespace != nil)
        try expectInSnapshot(container, andNot: process)
    }
}
