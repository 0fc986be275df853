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
        ])
    func recorded(_ path: Case) throws {
        let cgroup = try #require(CgroupPath.containerID(in: path.path))
        #expect(cgroup == ContainerCgroup(id: one, runtime: path.runtime, path: path.own, podUID: path.podUID))
    }

    @Test(
        "the host's own",
        arguments: [
            "", "/", "//", "/init.scope", "/system.slice/docker.service", "/docker", "/user.slice/user-1000.slice",
            "/machine.slice/libpod-conmon-\(one).scope", "/kubepods.slice/crio-conmon-\(one).scope",
            "/docker/\(one.uppercased())", "/docker/\(one)0", "/docker/x\(one)", "/docker/\(one.dropLast())",
            "/docker/docker\(one).scope", "/process_api/da1bea353e6d86bc1ec0dc47caa498d8", "/docker/\(one).scopes",
            "/kubepods/besteffort/pod2b3e9c1e-4f0a-4b55-9d2c-7a1f0c3d5e6f",
        ])
    func host(path: String) {
        #expect(CgroupPath.containerID(in: path) == nil)
    }
}
