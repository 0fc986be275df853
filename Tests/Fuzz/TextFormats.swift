import ELFImage

@testable import Containers
@testable import Processes
@testable import TLSLibraries

/// What runtimes, users and the kernel write as text. Much of what the kernel writes has a user's words in it.
enum TextFormats {
    private static let id = String(repeating: "0123456789abcdef", count: 4)

    static let all = [
        format(
            "bundle",
            """
            {"ociVersion":"1.0.2","process":{"args":["/client","443"],"env":["PATH=/bin","LD_LIBRARY_PATH=/lib"],"cwd":"/"},
            "root":{"path":"rootfs"},"annotations":{"io.kubernetes.cri.sandbox-name":"web",
            "io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-uid":"4f3c"},
            "linux":{"cgroupsPath":"system.slice:docker:\(id)"}}
            """
        ) { text in
            guard let bundle = try? OCIBundle(path: "/run/bundle", json: text) else { return }
            _ = bundle.owns(cgroup: "/system.slice/docker-\(id).scope", id: id)
            _ = KubernetesContainer(criAnnotations: bundle.annotations)
        },
        format(
            "docker-state",
            """
            {"ID":"\(id)","Name":"/web","State":{"Running":true,"Pid":4711},"Config":{"Image":"nginx:1",
            "Labels":{"io.kubernetes.pod.name":"web","io.kubernetes.container.name":"app"}}}
            """
        ) { text in
            _ = try? DockerStore.container(id: id, json: text, of: "config.v2.json")
        },
        format(
            "runc-state",
            """
            {"id":"\(id)","init_process_pid":4711,"init_process_start":123456,
            "cgroup_paths":{"":"/sys/fs/cgroup/docker/\(id)","cpu":"/sys/fs/cgroup/cpu/docker/\(id)"},
            "config":{"rootfs":"/r","labels":["bundle=/run/b"]}}
            """
        ) { text in
            guard let state = try? OCIState(id: id, json: text, format: .runc, of: "state.json") else { return }
            _ = state.cgroupPath(CgroupLayout(mountinfo: Array(mounts.utf8)))
        },
        format(
            "crun-state",
            """
            {"pid":4711,"process-start-time":123456,"cgroup-path":"/docker/\(id)","bundle":"/run/b","rootfs":"/r"}
            """
        ) { text in
            guard let state = try? OCIState(id: id, json: text, format: .crun, of: "status") else { return }
            _ = state.cgroupPath(CgroupLayout(mountinfo: Array(mounts.utf8)))
        },
        format(
            "podman-store",
            """
            [{"id":"\(id)","names":["web"],"image":"sha","metadata":"{\\"image-name\\":\\"nginx:1\\",\\"pod-name\\":\\"\\"}"}]
            """
        ) { text in
            _ = try? ContainerStore.records(json: text, of: "containers.json")
        },
        format(
            "cgroup",
            """
            12:cpu,cpuacct:/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4f3c_9a.slice/cri-containerd-\(id).scope
            1:name=systemd:/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope/container
            0::/machine.slice/machine-web\\x2dapp.scope/lxc.payload.web/docker/\(id)

            """
        ) { text in
            for path in CgroupMembership(file: text).paths { _ = CgroupPath.containerID(in: path) }
        },
        format("mountinfo", mounts) { text in
            _ = CgroupLayout(mountinfo: text)
        },
        format(
            "maps",
            """
            55d0a0000000-55d0a0001000 r-xp 00001000 08:01 131073 /usr/bin/curl
            7f3a00000000-7f3a00010000 r-xp 00020000 fd:00 262145 /usr/lib/my\\040lib/libssl.so.3 (deleted)
            7f3a00020000-7f3a00030000 rw-p 00000000 00:00 0 [stack]
            7f3a00040000-7f3a00050000 r-xs 00000000 00:01 7 /memfd:frida-agent-64.so (deleted)

            """
        ) { text in
            for file in MapsParser.executableFiles(in: text) { _ = CodeCopier(mapping: file.path) }
            _ = MapsParser.isExecutableWithoutFile(0x7f3a_0000_0000, in: text)
        },
        format(
            "status", "Name:\tcurl\nTracerPid:\t0\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\n"
        ) { text in
            _ = ProcessRecord.credentials(in: text)
            _ = ProcessRecord.numbers(after: "TracerPid:", in: text)
        },
        format(
            "command-line",
            """
            /usr/bin/conmon\0-c\0\(id)\0-u\0\(id)\0-b\0/run/b\0-p\0/run/p\0-n\0web\0--exit-dir\0/run/crio/exits\0
            """
        ) { text in
            let arguments = ProcessRecord.arguments(in: text)
            _ = ConmonCommand(arguments: arguments) { $0 }
            _ = CodeCopier(arguments: arguments, environment: arguments)
            _ = LXCRuntime.containerName(ofMonitor: arguments)
            let process = RuntimeProcess(
                pid: 1, comm: "runc", uid: 0, arguments: arguments, workingDirectory: "/run")
            _ = OCIInvocation(process)
            _ = NspawnRuntime.machineName(process)
            _ = ContainerdState(shim: process)
            _ = arguments.compactMap(ContainerdBundle.init(path:))
        },
        format(
            "script",
            "#!/usr/bin/env -S sh -e\n# start\nif true; then\n  cd /srv && exec env A=1 /client \"$@\" | tee log\nfi\n"
        ) { text in
            let script = MemorySource(text)
            let finder = ProgramFinder(path: "/bin:.:", workingDirectory: "/") { _ in script }
            _ = finder.programs(startedBy: ["sh", "-c", String(decoding: text.prefix(4096), as: UTF8.self)])
        },
        format("musl-path", "/lib:/usr/local/lib\n/usr/lib:\n") { text in
            _ = MuslLoader.folders(ofLoader: "/lib/ld-musl-x86_64.so.1") { _ in MemorySource(text) }
        },
        format(
            "description",
            """
            // A library
            { kind: "Mine", functions: [ { symbols: ["set_name"], name: { argument: 2, form: 'terminated' }, connection: 0,
            anchor: { finds: "f", references: { is: ["'x'"] }, usesArgument: 1, largestSize: 0x10, }, }, ],
            version: { prefix: "Mine v" }, }
            """
        ) { text in
            _ = try? LibraryDescription.decode(json5: text, file: "own.json5")
        },
    ]

    private static let mounts = """
        25 30 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
        26 25 0:24 /docker/\\040x /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
        27 25 0:25 / /sys/fs/cgroup/systemd rw shared:9 master:1 - cgroup cgroup rw,name=systemd

        """

    private static func format(
        _ name: String, _ text: String, _ read: @escaping @Sendable ([UInt8]) -> Void
    ) -> Format {
        Format(name: name) {
            let sample = TextSample(text)
            return { choices in read(sample.edited(&choices)) }
        }
    }
}
