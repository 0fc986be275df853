/// The cgroup of a container, as its path tells.
public struct ContainerCgroup: Equatable, Sendable {
    /// 64 hexadecimal digits; with LXC, systemd-nspawn and bare OCI runtimes the name that the user gave.
    public let id: String
    /// nil where the path does not tell, as in /kubepods/besteffort/pod…/ID.
    public let runtime: RuntimeName?
    /// The container's own cgroup; the ones below it are the container's too.
    public let path: String
    /// In Kubernetes' own spelling, with dashes; nil outside a pod.
    public let podUID: String?
}

/// What the path of a cgroup says about containers.
public enum CgroupPath {
    /// The container that a cgroup belongs to; nil for the host's own.
    ///
    /// Of nested containers (Docker in Docker) it is the outermost, which is the one the host's runtime knows. None is
    /// looked for deeper than runtimes make them.
    /// - Parameter path: From the hierarchy's root, v1 or v2: /docker/ID, /system.slice/docker-ID.scope/init, …
    public static func containerID(in path: String) -> ContainerCgroup? {
        let most = CgroupIndex.mostLevels
        // The last one is the rest of a path that is deeper.
        let components = path.split(separator: "/", maxSplits: most, omittingEmptySubsequences: true)
        for (index, component) in components.prefix(most).enumerated() {
            let parent = index > 0 ? components[index - 1] : ""
            let child = index + 1 < components.count ? components[index + 1] : ""
            guard let (runtime, id) = container(component, in: parent, above: child) else { continue }
            return ContainerCgroup(
                id: id, runtime: runtime,
                path: "/" + components[...index].joined(separator: "/"),
                podUID: components[...index].reversed().lazy.compactMap(podUID).first)
        }
        return nil
    }

    /// Whether `id` has the form that runtimes give: 64 lower-case hexadecimal digits.
    public static func isContainerID(_ id: some StringProtocol) -> Bool {
        id.utf8.count == 64
            && id.utf8.allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
            }
    }

    /// - Returns: nil for a component that is no container's own cgroup.
    private static func container(
        _ component: Substring, in parent: Substring, above child: Substring
    ) -> (runtime: RuntimeName?, id: String)? {
        if let (prefix, id) = idComponent(component) {
            if !prefix.isEmpty { return (runtimes[String(prefix)], String(id)) }
            // A pod of Podman's has an id of the same form, and its containers below it.
            guard parent != "libpod_parent", !isPodmans(child) else { return nil }
            return (parent == "docker" ? .docker : nil, String(id))
        }
        return scope(component, above: child) ?? lxc(component, in: parent)
    }

    /// By the prefix of systemd's scope names and of cgroupfs's folder names.
    private static let runtimes: [String: RuntimeName] = [
        "docker": .docker,
        "libpod": .podman,
        // podman run --cgroups=split
        "libpod-payload": .podman,
        "crio": .crio,
        "cri-containerd": .containerd,
        "nerdctl": .containerd,
        "containerd": .containerd,
        "runc": .runc,
        "crun": .crun,
    ]

    /// "ID", "docker-ID.scope", "libpod-ID", and "kubepods-….slice:cri-containerd:ID", which appears where runc takes
    /// a systemd path for a folder's. The monitors beside the containers ("libpod-conmon-ID.scope") are none.
    private static func idComponent(_ component: Substring) -> (prefix: Substring, id: Substring)? {
        guard component.utf8.count >= 64 else { return nil }
        let parts = component.split(separator: ":", omittingEmptySubsequences: false)
        var name = parts.suffix(2).joined(separator: "-")[...]
        if name.hasSuffix(".scope") { name = name.dropLast(6) }
        guard name.utf8.count >= 64 else { return nil }
        let id = name.suffix(64)
        guard isContainerID(id) else { return nil }
        var prefix = name.dropLast(64)
        if prefix.isEmpty { return ("", id) }
        guard prefix.popLast() == "-", !prefix.hasSuffix("conmon") else { return nil }
        return (prefix, id)
    }

    private static func isPodmans(_ component: Substring) -> Bool {
        component.hasPrefix("libpod-") && idComponent(component) != nil
    }

    /// Scopes and services that systemd names after what the user called the container: "runc-NAME.scope" where a
    /// bundle names no cgroup (runc, libcontainer/specconv; crun, src/libcrun/cgroup-systemd.c), "machine-NAME.scope"
    /// and "systemd-nspawn@NAME.service" (machined; systemd-nspawn@.service).
    private static func scope(_ component: Substring, above child: Substring) -> (RuntimeName?, String)? {
        if let name = component.between("runc-", ".scope") { return (.runc, name) }
        if let name = component.between("crun-", ".scope") { return (.crun, name) }
        // systemd-nspawn itself stands beside what it runs.
        guard child != "supervisor" else { return nil }
        let name = component.between("machine-", ".scope") ?? component.between("systemd-nspawn@", ".service")
        guard let name = name.flatMap(unescaped) else { return nil }
        // libvirt's: qemu's are virtual machines (libvirt, src/util/virsystemd.c, virSystemdMakeMachineName).
        if name.hasPrefix("qemu-") { return nil }
        return (name.hasPrefix("lxc-") ? nil : .nspawn, name)
    }

    /// "lxc.payload.NAME" since LXC 4, "lxc.payload/NAME" in its first versions, "lxc/NAME" before. The monitors in
    /// "lxc.monitor.NAME" are none.
    private static func lxc(_ component: Substring, in parent: Substring) -> (RuntimeName?, String)? {
        if let name = component.between("lxc.payload.", "") { return (.lxc, name) }
        return parent == "lxc" || parent == "lxc.payload" ? (.lxc, String(component)) : nil
    }

    /// systemd writes what a unit's name can't hold as "\x2d" (systemd.unit(5)).
    /// - Returns: nil for a name that no machine has.
    private static func unescaped(_ name: String) -> String? {
        var result: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.dropFirst().prefix(2)
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        let isName = result.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
        return isName ? String(decoding: result, as: UTF8.self) : nil
    }

    /// "pod1234-…" or "kubepods-burstable-pod1234_….slice".
    private static func podUID(in component: Substring) -> String? {
        var name = component.prefix { $0 != ":" }
        if name.hasSuffix(".slice") {
            // systemd reads a dash as a level, so the kubelet writes underscores.
            name = name.dropLast(6).split(separator: "-").last ?? ""
        }
        guard name.hasPrefix("pod"), name.utf8.count >= 3 + 32 else { return nil }
        return String(name.dropFirst(3).map { $0 == "_" ? "-" : $0 })
    }
}

extension Substring {
    /// What stands between two marks; nil where one is missing or nothing does.
    fileprivate func between(_ prefix: String, _ suffix: String) -> String? {
        guard hasPrefix(prefix), hasSuffix(suffix), utf8.count > prefix.utf8.count + suffix.utf8.count else {
            return nil
        }
        return String(dropFirst(prefix.count).dropLast(suffix.count))
    }
}
