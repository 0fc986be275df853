import Foundation
import Testing

@testable import Containers

private let app = "1f0e5b1c52d3a2d7d2b6d7b6ac1f2a44fb20d1b0bc1b0cc5df5b0e45a1c9f001"
private let sandbox = "2e0e5b1c52d3a2d7d2b6d7b6ac1f2a44fb20d1b0bc1b0cc5df5b0e45a1c9f002"
private let podman = "3d0e5b1c52d3a2d7d2b6d7b6ac1f2a44fb20d1b0bc1b0cc5df5b0e45a1c9f003"
private let uid = "9c3bd1f0-0a43-4d5f-8f0c-9a3de4a6ad10"

@Suite("CRI-O's bundles")
final class CRIOTests {
    private let root = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID())").path
    private var runtime: CRIORuntime { CRIORuntime([], runRoots: [root]) }

    /// A tree as CRI-O 1.28 leaves it in /run/containers/storage, by its documentation and source; shortened.
    init() throws {
        let kubernetes = #"""
            "io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"\#(uid)",
            "io.container.manager":"cri-o","io.kubernetes.cri-o.SandboxID":"\#(sandbox)"
            """#
        try write(
            app,
            kubernetes
                + #"","io.kubernetes.container.name":"app","io.kubernetes.cri-o.ContainerType":"container","#
                .dropFirst() + #""io.kubernetes.cri-o.ImageName":"registry.example/app:2","#
                + #""io.kubernetes.cri-o.ContainerID":"\#(app)""#, slice: "kubepods-pod9c3bd1f0.slice:crio:\(app)")
        try write(
            sandbox,
            kubernetes
                + #"","io.kubernetes.container.name":"POD","io.kubernetes.cri-o.ContainerType":"sandbox""#.dropFirst(),
            slice: "kubepods-pod9c3bd1f0.slice:crio:\(sandbox)")
        try write(podman, #""io.container.manager":"libpod""#, slice: "machine.slice:libpod:\(podman)")
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func write(_ id: String, _ annotations: some StringProtocol, slice: String) throws {
        let bundle = "\(root)/overlay-containers/\(id)/userdata"
        try FileManager.default.createDirectory(atPath: bundle, withIntermediateDirectories: true)
        let json = #"""
            {"ociVersion":"1.1.0","process":{"args":["/app"],"cwd":"/"},"root":{"path":"/merged"},
            "linux":{"cgroupsPath":"\#(slice)"},"annotations":{\#(annotations)}}
            """#
        try Data(json.utf8).write(to: URL(filePath: bundle + "/config.json"))
        try Data("4711".utf8).write(to: URL(filePath: bundle + "/pidfile"))
    }

    @Test("a pod's container and its sandbox, by the scopes of their control groups")
    func scopes() throws {
        for (id, name) in [(app, "app"), (sandbox, "POD")] {
            let path = "/kubepods.slice/kubepods-pod9c3bd1f0.slice/crio-\(id).scope"
            let found = try #require(ContainerRuntimes(runtimes: [runtime]).container(atCgroup: path))
            #expect(found.isKnown && found.failure == nil && found.bundle?.arguments == ["/app"])
            let container = found.container
            #expect(container.runtime == .crio && container.id == id && container.name == name)
            #expect(
                container.kubernetes
                    == KubernetesContainer(namespace: "shop", podName: "web-0", containerName: name, podUID: uid))
            #expect(container.initPid == 4711 && container.cgroupPath == path)
        }
        let image = try runtime.container(ContainerClue(id: app, cgroupPath: nil, hint: .crio))?.imageName
        #expect(image == "registry.example/app:2")
    }

    @Test("all of them are listed, and none of Podman's in the same store")
    func list() {
        let listing = runtime.containers()
        #expect(listing.failures.isEmpty)
        #expect(Set(listing.containers.map(\.id)) == [app, sandbox])
    }

    @Test("the monitor beside a container is none; a bundle that can't be understood is told")
    func odd() throws {
        let runtimes = ContainerRuntimes(runtimes: [runtime])
        #expect(runtimes.container(atCgroup: "/kubepods.slice/crio-conmon-\(app).scope") == nil)
        try Data("{".utf8).write(to: URL(filePath: "\(root)/overlay-containers/\(app)/userdata/config.json"))
        let found = try #require(runtimes.container(atCgroup: "/kubepods.slice/crio-\(app).scope"))
        #expect(found.container.name == String(app.prefix(12)) && found.container.runtime == .crio)
        #expect(found.failure != nil)
        #expect(runtime.containers().failures.count == 1)
    }
}
