import Testing

@testable import Containers

private let one = "e3af9c9d7d97d6c2f54b684d401c670a62368c211c2d7af06f05902f4d993327"
private let two = "9ea1872b6292a46de3d7d26c4840988dc63fcf8d4164b9160c9944034da0d8eb"

@Suite("Container ids in cgroup paths")
struct CgroupPathTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let path: String
        let runtime: RuntimeName?
        var own: String
        var podUID: String?

        init(_ path: String, _ runtime: RuntimeName?, own: String? = nil, podUID: String? = nil) {
            self.path = path
            self.runtime = runtime
            self.own = own ?? path
            self.podUID = podUID
        }

        var testDescription: String { path }
    }

    @Test(
        "recorded paths",
        arguments: [
            // Docker: cgroupfs driver, systemd driver, a program that makes cgroups of its own, --cgroup-parent.
            Case("/docker/\(one)", .docker),
            Case("/system.slice/docker-\(one).scope", .docker),
            Case("/system.slice/docker-\(one).scope/init.scope", .docker, own: "/system.slice/docker-\(one).scope"),
            Case("/docker/\(one)/system.slice/ssh.service", .docker, own: "/docker/\(one)"),
            Case("/foo/\(one)", nil),
            Case("/my.slice/docker-\(one).scope", .docker),
            // Seen from inside a cgroup namespace.
            Case("/../../docker/\(one)", .docker),
            // Docker in Docker: the host knows the outer one.
            Case("/docker/\(one)/docker/\(two)", .docker, own: "/docker/\(one)"),
            // Podman: as root, as a user, with cgroupfs.
            Case("/machine.slice/libpod-\(one).scope", .podman),
            Case("/machine.slice/libpod-\(one).scope/container", .podman, own: "/machine.slice/libpod-\(one).scope"),
            Case(
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(one).scope/container", .podman,
                own: "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(one).scope"),
            Case("/libpod_parent/libpod-\(one)", .podman),
            // Kubernetes.
            Case(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2b3e9c1e_4f0a_4b55_9d2c_7a1f0c3d5e6f.slice/"
                    + "cri-containerd-\(one).scope", .containerd, podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case(
                "/kubepods/besteffort/pod2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f/\(one)", nil,
                podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case(
                "/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/crio-\(one).scope/container", .crio,
                own: "/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/crio-\(one).scope",
                podUID: "0123456789abcdef0123456789abcdef"),
            Case(
                "/system.slice/containerd.service/"
                    + "kubepods-besteffort-pod2b3e9c1e_4f0a_4b55_9d2c_7a1f0c3d5e6f.slice:cri-containerd:\(one)",
                .containerd,
                podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case("/system.slice:docker:\(one)", .docker),
            // containerd without CRI: /NAMESPACE/ID, nerdctl.
            Case("/default/\(one)", nil),
            Case("/system.slice/nerdctl-\(one).scope", .containerd),
            // A runtime nobody knows.
            Case("/a/other-\(one).scope", nil),
            // Podman's pods have ids too; a container of one, and one that stays beside whoever started it.
            Case("/libpod_parent/\(two)/libpod-\(one)", .podman),
            Case("/my/\(two)/libpod-\(one)/init", .podman, own: "/my/\(two)/libpod-\(one)"),
            Case("/machine.slice/machine-libpod_pod_\(two).slice/libpod-\(one).scope", .podman),
            Case("/system.slice/web.service/libpod-payload-\(one)", .podman),
            // kind: a kubelet with a root of its own; k3s and microk8s; CRI-O and cri-dockerd with cgroupfs.
            Case(
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
                    + "kubelet-kubepods-besteffort-pod2b3e9c1e_4f0a_4b55_9d2c_7a1f0c3d5e6f.slice/cri-containerd-\(one).scope",
                .containerd, podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case("/k8s.io/\(one)", nil),
            Case(
                "/system.slice/snap.microk8s.daemon-containerd.service/"
                    + "kubepods-burstable-pod2b3e9c1e_4f0a_4b55_9d2c_7a1f0c3d5e6f.slice:cri-containerd:\(one)",
                .containerd, podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case(
                "/system.slice/k3s.service/kubepods/burstable/pod2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f/\(one)", nil,
                podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case(
                "/kubepods/besteffort/pod2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f/crio-\(one)", .crio,
                podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            Case(
                "/kubepods.slice/kubepods-pod2b3e9c1e_4f0a_4b55_9d2c_7a1f0c3d5e6f.slice/docker-\(one).scope", .docker,
                podUID: "2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f"),
            // ECS, GitHub's runners: Docker with a parent.
            Case("/ecs/cluster/0123456789abcdef0123456789abcdef/\(one)", nil),
            Case("/actions_job/\(one)", nil),
            // A node of kind is a container itself, a pod in LXC its container's.
            Case(
                "/docker/\(one)/kubelet/kubepods/besteffort/pod2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f/\(two)", .docker,
                own: "/docker/\(one)"),
            Case("/docker/\(one)/machine.slice/machine-web.scope/payload", .docker, own: "/docker/\(one)"),
            Case("/system.slice/runc-\(one).scope", .runc),
        ])
    func recorded(_ path: Case) throws {
        let cgroup = try #require(CgroupPath.containerID(in: path.path))
        #expect(cgroup == ContainerCgroup(id: one, runtime: path.runtime, path: path.own, podUID: path.podUID))
    }

    @Test(
        "names that users give",
        arguments: [
            ("/system.slice/runc-web.scope", "", "web", .runc),
            ("/user.slice/user-0.slice/crun-my-web.scope", "/x", "my-web", .crun),
            ("/lxc.payload.web", "", "web", .lxc), ("/user.slice/a.scope/lxc.payload.a.b", "/init.scope", "a.b", .lxc),
            ("/lxc.payload/web", "/ns", "web", .lxc), ("/lxc/101", "/ns", "101", .lxc),
            ("/lxc.payload.web", "/docker/\(one)", "web", .lxc),
            ("/machine.slice/machine-web.scope", "", "web", .nspawn),
            (#"/machine.slice/machine-my\x2dweb.scope"#, "/payload", "my-web", .nspawn),
            ("/machine.slice/systemd-nspawn@web.service", "/payload/x", "web", .nspawn),
            (#"/machine.slice/systemd-nspawn@my\x2dweb.service"#, "", "my-web", .nspawn),
            (#"/machine.slice/machine-lxc\x2d4711\x2dweb.scope"#, "", "lxc-4711-web", nil),
        ] as [(String, String, String, RuntimeName?)])
    func named(own: String, below: String, id: String, runtime: RuntimeName?) {
        let cgroup = ContainerCgroup(id: id, runtime: runtime, path: own, podUID: nil)
        #expect(CgroupPath.containerID(in: own + below) == cgroup)
    }

    @Test(
        "paths made to do harm",
        arguments: [
            String(repeating: "/a", count: 2048), String(repeating: "/", count: 4096),
            "/" + String(repeating: "a", count: 4095), "/" + String(repeating: ":", count: 4095),
            String(repeating: "/..", count: 1365), String(repeating: "/:", count: 2048),
            "/machine-" + String(repeating: #"\x2"#, count: 1300), "/a\nb/c\u{1b}[2J\u{0}",
            "/lxc.payload", "/machine-.scope", #"/machine-\x2f\x2e\x2e.scope"#,
            #"/machine-a\x00b.scope"#, "/runc-.scope", "/lxc.payload.", "/lxc.payload.\u{0}x",
            String(repeating: "/kubepods-pod", count: 300) + String(repeating: "/libpod-conmon-\(one)", count: 3),
        ])
    func hostile(path: String) {
        let clock = ContinuousClock()
        let taken = clock.measure {
            for _ in 0..<10 {
                let found = CgroupPath.containerID(in: path)
                #expect(found == nil || path.hasPrefix("/lxc.payload."))
            }
        }
        // 0.2 ms each in a release build.
        #expect(taken < .seconds(1))
    }

    @Test(
        "the host's own",
        arguments: [
            "", "/", "//", "/init.scope", "/system.slice/docker.service", "/docker", "/user.slice/user-1000.slice",
            "/machine.slice/libpod-conmon-\(one).scope", "/kubepods.slice/crio-conmon-\(one).scope",
            "/docker/\(one.uppercased())", "/docker/\(one)0", "/docker/x\(one)", "/docker/\(one.dropLast())",
            "/docker/docker\(one).scope", "/process_api/da1bea353e6d86bc1ec0dc47caa498d8", "/docker/\(one).scopes",
            "/kubepods/besteffort/pod2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f",
            "/libpod_parent/\(one)", "/machine.slice/machine-libpod_pod_\(one).slice",
            "/lxc", "/lxc.payload", "/lxc.monitor.web", "/lxc.pivot", "/lxc.monitor/web", "/machine.slice",
            "/machine.slice/machine-web.scope/supervisor", "/machine.slice/systemd-nspawn@web.service/supervisor",
            #"/machine.slice/machine-qemu\x2d1\x2dweb.scope"#, "/payload", "/supervisor", "/system.slice/runc.service",
            "/system.slice/var-lib-docker-containers-\(one)-mounts-shm.mount", "/system.slice/\(one).service",
        ])
    func host(path: String) {
        #expect(CgroupPath.containerID(in: path) == nil)
    }
}
