import Foundation
import Testing

@testable import Containers

private let sandboxID = "328ddae08401799eb8386a876504218a4666d7e143fa64a29fcf2634b86aae60"
private let appID = "7cba0e839ab0377a30826cd8de1ff26dcfb63d2e81392b4cd4515c553750cc43"
private let podUID = "11111111-2222-3333-4444-555555555555"

/// A containerd's state folder of its own, removed with it.
private final class RecordedState: Sendable {
    let folder: String
    var state: ContainerdState { ContainerdState(folder: folder) }
    var runtime: ContainerdRuntime { ContainerdRuntime(states: [state]) }

    /// - Parameter name: Below a new folder: where k3s and microk8s keep theirs.
    init(_ name: String = "run/containerd") throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID())/\(name)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        let root = folder.split(separator: "/").prefix { !$0.hasPrefix("sniscope-") }
        let count = root.count + 1
        let path = "/" + folder.split(separator: "/").prefix(count).joined(separator: "/")
        try? FileManager.default.removeItem(atPath: path)
    }

    func path(_ namespace: String, _ id: String) -> String {
        "\(folder)/io.containerd.runtime.v2.task/\(namespace)/\(id)"
    }

    func write(_ file: String, _ text: String, _ namespace: String, _ id: String) throws {
        let bundle = path(namespace, id)
        try FileManager.default.createDirectory(atPath: bundle, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: "\(bundle)/\(file)"))
    }

    /// As containerd 1.6 wrote it for a pod's container; shortened but for its annotations.
    func writeBundle(_ namespace: String, _ id: String, annotations: [String: String], pid: Int32? = nil) throws {
        let text = String(decoding: try JSONEncoder().encode(annotations), as: UTF8.self)
        let json = #"""
            {"ociVersion":"1.0.2-dev","process":{"user":{"uid":0,"gid":0},"args":["/bin/sleep","600"],"env":["PATH=/bin"],
            "cwd":"/","capabilities":{"bounding":["CAP_CHOWN"]},"noNewPrivileges":false},"root":{"path":"rootfs"},
            "mounts":[{"destination":"/proc","type":"proc","source":"proc","options":["nosuid"]}],
            "annotations":\#(text),"linux":{"resources":{"devices":[{"allow":false,"access":"rwm"}]},
            "cgroupsPath":"/kubepods/besteffort/pod\#(podUID)/\#(id)",
            "namespaces":[{"type":"network","path":"/proc/29536/ns/net"}]}}
            """#
        try write("config.json", json, namespace, id)
        if let pid { try write("init.pid", "\(pid)", namespace, id) }
    }
}

private let podAnnotations = [
    "io.kubernetes.cri.sandbox-id": sandboxID, "io.kubernetes.cri.sandbox-name": "web-0",
    "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.sandbox-uid": podUID,
]

private let appAnnotations = podAnnotations.merging([
    "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": "app",
    "io.kubernetes.cri.image-name": "docker.io/library/web:1",
]) { $1 }

@Suite("containerd's bundles")
struct ContainerdTests {
    @Test(
        "a pod, wherever the state is kept",
        arguments: ["run/containerd", "run/k3s/containerd", "var/snap/microk8s/common/run/containerd"])
    func pod(folder: String) throws {
        let recorded = try RecordedState(folder)
        // What containerd 1.6 gives a sandbox.
        let sandbox = podAnnotations.merging([
            "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-log-directory": "/var/log/pods/x",
        ]) { $1 }
        try recorded.writeBundle("k8s.io", sandboxID, annotations: sandbox, pid: 29536)
        try recorded.writeBundle("k8s.io", appID, annotations: appAnnotations, pid: 29568)
        let listing = recorded.runtime.containers()
        #expect(listing.failures.isEmpty)
        let app = Container(
            runtime: .containerd, id: appID, name: "app", imageName: "docker.io/library/web:1", initPid: 29568,
            kubernetes: KubernetesContainer(namespace: "shop", podName: "web-0", containerName: "app", podUID: podUID),
            bundlePath: recorded.path("k8s.io", appID))
        #expect(listing.containers.first { $0.id == appID } == app)
        let other = try #require(listing.containers.first { $0.id == sandboxID })
        #expect(other.name == "POD" && other.kubernetes?.containerName == "POD" && other.kubernetes?.podName == "web-0")
        #expect(other.imageName == nil && other.initPid == 29536)
        #expect(recorded.runtime.bundlePath(ofContainer: appID) == app.bundlePath)
    }

    @Test("what containerd 1.7 and 2 add, and what 1.5 did not write")
    func versions() throws {
        let recorded = try RecordedState()
        let sandbox = podAnnotations.merging([
            "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-cpu-period": "100000",
            "io.kubernetes.cri.sandbox-cpu-quota": "0", "io.kubernetes.cri.sandbox-cpu-shares": "2",
            "io.kubernetes.cri.sandbox-memory": "0",
            "io.kubernetes.cri.podsandbox.image-name": "registry.k8s.io/pause:3.10",
        ]) { $1 }
        try recorded.writeBundle("k8s.io", sandboxID, annotations: sandbox)
        var old = appAnnotations
        old["io.kubernetes.cri.sandbox-uid"] = nil
        try recorded.writeBundle("k8s.io", appID, annotations: old)
        let runtime = recorded.runtime
        let found = try #require(try runtime.container(ContainerClue(id: sandboxID, cgroupPath: nil)))
        #expect(found.name == "POD" && found.imageName == "registry.k8s.io/pause:3.10")
        let clue = ContainerClue(id: appID, cgroupPath: nil, podUID: podUID)
        #expect(try runtime.container(clue)?.kubernetes?.podUID == podUID, "the cgroup tells it")
    }

    @Test("namespaces: one id in two of them, a name by nerdctl, Docker's own")
    func namespaces() throws {
        let recorded = try RecordedState()
        for namespace in ["default", "other"] { try recorded.writeBundle(namespace, "web", annotations: [:]) }
        try recorded.writeBundle(
            "default", appID, annotations: ["nerdctl/name": "shop-db", "nerdctl/namespace": "default"])
        try recorded.writeBundle("moby", sandboxID, annotations: [:])
        // Being deleted, no id, and no folder of a namespace.
        try recorded.writeBundle("default", ".gone", annotations: [:])
        try FileManager.default.createDirectory(
            atPath: recorded.path("default", "empty"), withIntermediateDirectories: true)
        let listing = recorded.runtime.containers()
        #expect(listing.failures.isEmpty)
        let names = listing.containers.map { "\($0.runtime)/\($0.name)" }.sorted()
        #expect(names == ["containerd/shop-db", "containerd/web", "containerd/web", "docker/328ddae08401"])
        for namespace in ["default", "other"] {
            let bundle = try OCIBundle(path: recorded.path(namespace, "web"))
            let found = try recorded.runtime.container(ContainerClue(id: "web", cgroupPath: nil, bundle: bundle))
            #expect(found?.bundlePath == bundle.path && found?.name == "web")
        }
    }

    @Test("another runtime's bundle is not containerd's, whatever is in it")
    func foreign() throws {
        let json = #"{"root":{"path":"r"},"annotations":{"io.kubernetes.cri.sandbox-name":"x"}}"#
        for path in ["/b", "/run/containers/overlay-containers/\(appID)/userdata", "/io.containerd.runtime.v2.task/x"] {
            let bundle = try OCIBundle(path: path, json: Array(json.utf8))
            #expect(
                try ContainerdRuntime(states: []).container(ContainerClue(id: "x", cgroupPath: nil, bundle: bundle))
                    == nil)
        }
    }

    @Test(
        "nonsense: the short id stands for a name, and the failure names the file", arguments: ["", "{", "[]", "\u{0}"])
    func nonsense(json: String) throws {
        let recorded = try RecordedState()
        try recorded.write("config.json", json, "k8s.io", appID)
        try recorded.write("init.pid", "7", "k8s.io", appID)
        let listing = recorded.runtime.containers()
        #expect(listing.containers.map(\.name) == [String(appID.prefix(12))])
        #expect(listing.containers.map(\.initPid) == [7])
        #expect(listing.failures.count == 1 && "\(listing.failures)".contains("\(appID)/config.json"))
        let cgroup = "/kubepods/besteffort/pod\(podUID)/\(appID)"
        let resolution = try #require(ContainerRuntimes(runtimes: [recorded.runtime]).container(atCgroup: cgroup))
        #expect(resolution.container.name == String(appID.prefix(12)) && resolution.failure != nil)
    }

    @Test("a folder that is not there, and a FIFO where the bundle's file should be, keep nobody waiting")
    func obstacles() throws {
        let recorded = try RecordedState()
        try recorded.write("x", "", "k8s.io", appID)
        #expect(mkfifo(recorded.path("k8s.io", appID) + "/config.json", 0o600) == 0)
        let runtime = ContainerdRuntime(states: [ContainerdState(folder: "/nonexistent"), recorded.state])
        #expect(runtime.containers().failures.count == 1)
    }

    @Test("an id is never a path", arguments: ["..", "../../etc", "", "x/y", ".x"])
    func traversal(id: String) throws {
        let runtime = ContainerdRuntime(states: [ContainerdState(tasks: "/")])
        #expect(runtime.bundlePath(ofContainer: id) == nil)
        #expect(try runtime.container(ContainerClue(id: id, cgroupPath: nil)) == nil)
    }
}

@Suite("Where a containerd keeps its state")
struct ContainerdStateTests {
    private func process(_ comm: String, _ line: String, folder: String = "/") -> RuntimeProcess {
        RuntimeProcess(
            pid: 1, comm: comm, uid: 0, arguments: line.split(separator: " ").map(String.init),
            workingDirectory: folder)
    }

    private func states(_ processes: [RuntimeProcess], settings: [String: String] = [:]) -> [String] {
        ContainerdState.among(processes) { settings[$0] }.map(\.tasks)
    }

    private let usual = "/run/containerd/io.containerd.runtime.v2.task"

    @Test("the usual place, with and without a daemon")
    func usualPlace() {
        #expect(states([]) == [usual])
        #expect(states([process("containerd", "/usr/bin/containerd")]) == [usual])
    }

    @Test("by a shim, which outlives its daemon; its bundle may be gone", arguments: ["", " (deleted)"])
    func shim(suffix: String) {
        let shim = process(
            "containerd-shim", "/k3s/bin/containerd-shim-runc-v2 -namespace k8s.io -id x -address /run/k3s/c.sock",
            folder: "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/x\(suffix)")
        #expect(states([shim, shim]) == [usual, "/run/k3s/containerd/io.containerd.runtime.v2.task"])
    }

    @Test(
        "no shim of a container",
        arguments: [
            ("-namespace k8s.io -id x", "/"), ("-namespace a -id x", "/s/io.containerd.runtime.v2.task/b/x"),
            ("-namespace a", "/a/x"),
        ])
    func noShim(arguments: String, folder: String) {
        #expect(states([process("containerd-shim", "shim " + arguments, folder: folder)]) == [usual])
    }

    @Test(
        "by a daemon's command line and its settings",
        arguments: [
            ("--config /c.toml --state /snap/run", ["/c.toml": "state = '/other'"], "/snap/run"),
            ("-c /c.toml", ["/c.toml": "version = 2\n  state=\"/k3s\" # here\n[grpc]\nstate = '/no'"], "/k3s"),
            ("-c c.toml", ["/work/c.toml": "state = 'run'"], "/work/run"),
            ("", ["/etc/containerd/config.toml": "#state = '/x'\r\nstate = '/y'"], "/y"),
            ("-c /c.toml", ["/c.toml": "[plugins]\nstate = '/no'"], "/run/containerd"),
            ("-c /c.toml", ["/c.toml": "state = 5\nstate = "], "/run/containerd"),
        ])
    func daemon(arguments: String, settings: [String: String], folder: String) {
        let daemon = process("containerd", "containerd " + arguments, folder: "/work")
        #expect(states([daemon], settings: settings).last == folder + "/io.containerd.runtime.v2.task")
    }
}
