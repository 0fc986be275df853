import Foundation
import OS
import Testing

@testable import Containers

let recordedID = "e3af9c9d7d97d6c2f54b684d401c670a62368c211c2d7af06f05902f4d993327"

/// As dockerd 20.10 wrote it; shortened in its middle.
let recordedState = #"""
    {"StreamConfig":{},"State":{"Running":true,"Paused":false,"Dead":false,"Pid":11628,"ExitCode":0,"Error":"",
    "StartedAt":"2026-11-22T21:11:43.152971598Z","Health":null},"ID":"ID","Created":"2026-11-22T21:11:42.986842746Z",
    "Managed":false,"Path":"/bin/sleep","Args":["1000"],"Config":{"Hostname":"vm","Env":null,"Cmd":["/bin/sleep"],
    "Image":"h3","Volumes":null,"Entrypoint":null,"Labels":{}},"Image":"sha256:44892f96","Name":"/one",
    "Driver":"overlay2","OS":"linux","RestartCount":0,"MountPoints":{},"SecretReferences":null}
    """#

/// A data root of its own, removed with it.
final class RecordedStore: Sendable {
    let root: URL
    var store: DockerStore { DockerStore(dataRoot: root.path) }

    init() throws {
        root = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID())")
        try FileManager.default.createDirectory(
            at: root.appending(path: "containers"), withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    func write(_ state: String, id: String) throws {
        let folder = root.appending(path: "containers/\(id)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(state.utf8).write(to: folder.appending(path: "config.v2.json"))
    }
}

private func daemon(at dataRoot: String) -> DockerDaemon {
    DockerDaemon(pid: nil, dataRoot: dataRoot, execRoot: "/nonexistent", sockets: [])
}

@Suite("Docker's own files")
struct DockerStoreTests {
    @Test("a recorded config.v2.json")
    func recorded() throws {
        let root = try RecordedStore()
        try root.write(recordedState, id: recordedID)
        let container = try #require(try root.store.container(id: recordedID))
        #expect(container == Container(runtime: .docker, id: recordedID, name: "one", imageName: "h3", initPid: 11628))
        #expect(try root.store.ids() == [recordedID])
        let runtime = DockerRuntime(daemons: [daemon(at: "/nonexistent"), daemon(at: root.store.dataRoot)])
        #expect(try runtime.container(ContainerClue(id: recordedID, cgroupPath: nil)) == container)
        #expect(runtime.containers().containers == [container])
        #expect(runtime.containers().failures.isEmpty)
    }

    @Test("a container that does not run has no pid, and a pod's labels are understood")
    func stoppedPod() throws {
        let json = #"""
            {"State":{"Running":false,"Pid":0},"Name":"/k8s_app_web-0_shop_u_0","Config":{"Image":"web","Labels":{
            "io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"u",
            "io.kubernetes.container.name":"app"}}}
            """#
        let container = try DockerStore.container(id: recordedID, json: Array(json.utf8), of: "x")
        #expect(container.initPid == nil)
        #expect(
            container.kubernetes
                == KubernetesContainer(namespace: "shop", podName: "web-0", containerName: "app", podUID: "u"))
    }

    @Test("what is missing is left out; the short id stands for a name")
    func sparse() throws {
        let container = try DockerStore.container(id: recordedID, json: Array("{}".utf8), of: "x")
        #expect(container == Container(runtime: .docker, id: recordedID, name: "e3af9c9d7d97"))
    }

    @Test(
        "nonsense is an error that names the file and not its content",
        arguments: [
            "", "{", "[]", "null", #"{"Name":5}"#, #"{"State":{"Pid":99999999999}}"#, "root:secret:0:0", "\u{0}",
        ])
    func nonsense(json: String) throws {
        let root = try RecordedStore()
        try root.write(json, id: recordedID)
        #expect {
            try root.store.container(id: recordedID)
        } throws: { error in
            let text = "\(error)"
            return text.contains("\(recordedID)/config.v2.json") && !text.contains("secret")
        }
        let runtime = DockerRuntime(daemons: [daemon(at: root.store.dataRoot)])
        #expect(runtime.containers().failures.count == 1)
    }

    @Test("nesting without end does not overflow the stack")
    func nesting() throws {
        let root = try RecordedStore()
        try root.write(#"{"Config":"# + String(repeating: "[", count: 1_000_000), id: recordedID)
        #expect(throws: StateError.self) { try root.store.container(id: recordedID) }
    }

    @Test("an id is never a path", arguments: ["..", "../../etc", "", "x/y", "E3AF"])
    func traversal(id: String) throws {
        #expect(try DockerStore(dataRoot: "/").container(id: id) == nil)
        #expect(DockerDaemon.assumed.bundlePath(ofContainer: id) == nil)
    }
}

@Suite("Where a Docker daemon keeps things")
struct DockerDaemonTests {
    private func daemon(_ line: String, settings: [String: DockerDaemon.Settings] = [:]) -> DockerDaemon {
        let arguments = line.split(separator: " ").map(String.init)
        return DockerDaemon(
            RuntimeProcess(pid: 1, comm: "dockerd", uid: 0, arguments: arguments, workingDirectory: "/work")
        ) { settings[$0] }
    }

    @Test("told nothing")
    func defaults() {
        let daemon = daemon("dockerd -H fd:// --containerd=/run/containerd/containerd.sock")
        #expect(daemon.dataRoot == "/var/lib/docker" && daemon.execRoot == "/var/run/docker")
        #expect(daemon.sockets == ["/var/run/docker.sock"])
    }

    @Test(
        "by its command line",
        arguments: [
            "--data-root /d --exec-root /e", "--data-root=/d --exec-root=/e", "-g /d --exec-root /x --exec-root /e",
        ])
    func commandLine(options: String) {
        let daemon = daemon("dockerd --iptables=false \(options) -H unix:///s -H tcp://0.0.0.0:1 --host=unix:///t")
        #expect(daemon.dataRoot == "/d" && daemon.execRoot == "/e" && daemon.sockets == ["/s", "/t"])
    }

    @Test("by its settings file; the command line goes first; relative paths are its own")
    func settingsFile() {
        let settings = DockerDaemon.Settings(dataRoot: "/fromfile", execRoot: "run", hosts: ["unix:///f"])
        #expect(daemon("dockerd", settings: ["/etc/docker/daemon.json": settings]).dataRoot == "/fromfile")
        let other = daemon("dockerd --config-file my.json -g data", settings: ["/work/my.json": settings])
        #expect(other.dataRoot == "/work/data" && other.execRoot == "/work/run" && other.sockets == ["/f"])
    }

    @Test(
        "cut command lines",
        arguments: [
            "dockerd --data-root", "dockerd --data-root=", "dockerd -- --data-root /x", "dockerd --data-rootx /x",
        ])
    func cut(line: String) {
        #expect(daemon(line).dataRoot == "/var/lib/docker")
    }

    @Test("the running ones can be listed")
    func running() throws {
        for daemon in DockerDaemon.among(try RuntimeProcess.running()) {
            #expect(daemon.dataRoot.hasPrefix("/") && daemon.execRoot.hasPrefix("/"))
        }
    }
}
