/// The cgroup of a container, as its path tells.
public struct ContainerCgroup: Equatable, Sendable {
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
    /// Of nested containers (Docker in Docker) it is the outermost, which is the one the host's runtime knows.
    /// - Parameter path: From the hierarchy's root, v1 or v2: /docker/ID, /system.slice/docker-ID.scope/init, …
    public static func containerID(in path: String) -> ContainerCgroup? {
        let components = path.split(separator: "/", omittingEmptySubsequences: true)
        for (index, component) in components.enumerated() {
            guard let (prefix, id) = idComponent(component) else { continue }
            let parent = index > 0 ? components[index - 1] : ""
            return ContainerCgroup(
                id: String(id),
                runtime: prefix.isEmpty ? runtime(ofParent: parent) : runtimes[String(prefix)],
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

    /// By the prefix of systemd's scope names and of cgroupfs's folder names.
    private static let runtimes: [String: RuntimeName] = [
        "docker": .docker,
        "libpod": .podman,
        "crio": .crio,
        "cri-containerd": .containerd,
        "nerdctl": .containerd,
        "containerd": .containerd,
    ]

    /// "ID", "docker-ID.scope", "libpod-ID", and "kubepods-….slice:cri-containerd:ID", which appears where runc takes
    /// a systemd path for a folder's. The monitors beside the containers ("libpod-conmon-ID.scope") are none.
    private static func idComponent(_ component: Substring) -> (prefix: Substring, id: Substring)? {
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

    private static func runtime(ofParent parent: Substring) -> RuntimeName? {
        switch parent {
        case "docker": .docker
        case "libpod_parent": .podman
        default: nil
        }
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
