import Testing

@testable import Containers

@Suite("OCI bundles")
struct OCIBundleTests {
    @Test("a recorded config.json")
    func recorded() throws {
        let json = #"""
            {"ociVersion":"1.0.2-dev","process":{"user":{"uid":0,"gid":0},"args":["/bin/sleep","1000"],
            "env":["PATH=/bin","HOSTNAME=vm"],"cwd":"/srv","capabilities":{},"oomScoreAdj":0},
            "root":{"path":"/var/lib/docker/overlay2/17765b91/merged"},"hostname":"vm","mounts":[],
            "annotations":{"io.kubernetes.cri.container-type":"container"},"linux":{"cgroupsPath":"/docker/e3af"}}
            """#
        let bundle = try OCIBundle(path: "/b", json: Array(json.utf8))
        #expect(bundle.rootPath == "/var/lib/docker/overlay2/17765b91/merged")
        #expect(bundle.arguments == ["/bin/sleep", "1000"])
        #expect(bundle.environment == ["PATH=/bin", "HOSTNAME=vm"])
        #expect(bundle.workingDirectory == "/srv")
        #expect(bundle.cgroupsPath == "/docker/e3af")
        #expect(bundle.annotations == ["io.kubernetes.cri.container-type": "container"])
    }

    @Test("a root that is relative to the bundle, and no more than a root")
    func relative() throws {
        let bundle = try OCIBundle(path: "/b", json: Array(#"{"root":{"path":"rootfs"}}"#.utf8))
        #expect(bundle.rootPath == "/b/rootfs" && bundle.arguments.isEmpty && bundle.workingDirectory == "/")
    }

    @Test("nonsense", arguments: ["", "{}", #"{"root":{}}"#, #"{"root":{"path":1}}"#, #"{"root":"x"}"#, "]"])
    func nonsense(json: String) {
        #expect(throws: StateError.self) { try OCIBundle(path: "/b", json: Array(json.utf8)) }
    }

    @Test(
        "what an OCI runtime's command line says",
        arguments: [
            ("runc --root /run/r --log /l create --bundle /b --pid-file /p x", "x", "/b", "/run/r"),
            ("runc create --bundle=/b x", "x", "/b", nil), ("crun --systemd-cgroup create -b b x", "x", "/work/b", nil),
            ("/usr/bin/crun run x", "x", "/work/.", nil),
            ("runc --root=r run --detach --keep x", "x", "/work/.", "/work/r"),
            ("runc run --pid-file p -- x", "x", "/work/.", nil),
            ("runc --log run --systemd-cgroup create --bundle /b run", "run", "/b", nil),
        ] as [(String, String, String, String?)])
    func invocation(line: String, id: String, bundle: String, root: String?) {
        let invocation = OCIInvocation(process(line))
        #expect(invocation?.id == id && invocation?.bundlePath == bundle && invocation?.root == root)
    }

    @Test(
        "no command that makes a container",
        arguments: [
            "runc init", "runc start x", "runc create --bundle", "docker run x", "podman run x",
            "runc --log create start x", "runc exec x create y", "runc --root", "runc run --", "", "x",
        ])
    func noInvocation(line: String) {
        #expect(OCIInvocation(process(line)) == nil)
    }

    private func process(_ line: String) -> RuntimeProcess {
        RuntimeProcess(
            pid: 1, comm: "runc", uid: 0, arguments: line.split(separator: " ").map(String.init),
            workingDirectory: "/work")
    }

    @Test(
        "the container's own cgroup, and none above or below it",
        arguments: [
            ("/docker/x", "/docker/x", true), ("/docker/x", "/docker", false), ("/docker/x", "/docker/x/y", false),
            ("/docker/x", "/outer/docker/x", true), ("a.slice:docker:x", "/a.slice/docker-x.scope", true),
            ("a.slice:docker:x", "/a.slice", false), ("a.slice::x", "/a.slice/x.scope", true), (nil, "/x", true),
            (nil, "/user.slice/runc-x.scope", true), (nil, "/user.slice", false), ("", "/y/x", true),
        ] as [(String?, String, Bool)])
    func ownCgroup(asked: String?, path: String, isOwn: Bool) throws {
        let linux = asked.map { #","linux":{"cgroupsPath":"\#($0)"}"# } ?? ""
        let bundle = try OCIBundle(path: "/b", json: Array(#"{"root":{"path":"r"}\#(linux)}"#.utf8))
        #expect(bundle.owns(cgroup: path, id: "x") == isOwn)
    }
}
