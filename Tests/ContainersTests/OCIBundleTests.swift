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
        "the bundle on a runtime's command line",
        arguments: [
            ("runc --root /run/r --log /l create --bundle /b --pid-file /p x", "/b"),
            ("runc create --bundle=/b x", "/b"),
            ("crun --systemd-cgroup create -b /b x", "/b"),
            ("/usr/bin/conmon --api-version 1 -c x -b /b -p /pid -n name", "/b"),
            ("containerd-shim-runc-v2 -namespace moby -id x -bundle /b delete", "/b"),
            ("runc init", nil), ("runc create --bundle", nil), ("", nil),
        ] as [(String, String?)])
    func commandLine(line: String, path: String?) {
        #expect(OCIBundle.path(fromCommandLine: line.split(separator: " ").map(String.init)) == path)
    }
}
