internal import OS

/// A container runtime by the name users see: `-r docker`, `runtimeName` in JSON.
public struct RuntimeName: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public static let docker = RuntimeName(rawValue: "docker")
    public static let containerd = RuntimeName(rawValue: "containerd")
    public static let crio = RuntimeName(rawValue: "cri-o")
    public static let podman = RuntimeName(rawValue: "podman")
    public static let runc = RuntimeName(rawValue: "runc")
    public static let crun = RuntimeName(rawValue: "crun")
    public static let lxc = RuntimeName(rawValue: "lxc")
    public static let nspawn = RuntimeName(rawValue: "systemd-nspawn")
    /// The cgroup is a container's, and nothing tells whose.
    public static let unknown = RuntimeName(rawValue: "unknown")

    /// Those that users can name.
    public static let all: [RuntimeName] = [
        .docker, .containerd, .crio, .podman, .runc, .crun, .lxc, .nspawn,
    ]

    public var description: String { rawValue }
}

/// A container as its runtime knows it. All text in it was chosen by whoever made the container.
public struct Container: Equatable, Sendable {
    public let runtime: RuntimeName
    /// In full: 64 hexadecimal digits with most runtimes.
    public let id: String
    /// Whose it is where a user without privileges made it, who chose its id and name; nil: root's.
    public private(set) var uid: UInt32?
    /// Without a leading slash; the id's first 12 digits where the runtime's state can't be read. A user's has the
    /// user's name and a slash before it.
    public var name: String
    /// As the container was made with it: "nginx:latest".
    public var imageName: String?
    /// As the runtime sees it, in its own pid namespace; nil while the container does not run.
    public var initPid: Int32?
    /// nil outside Kubernetes.
    public var kubernetes: KubernetesContainer?
    /// Nanoseconds since the epoch; nil where it is not known.
    public var startedAt: Int64?
    /// Its OCI bundle; nil where it has none or it is not known.
    public var bundlePath: String?
    /// Its own cgroup, from the hierarchy's root; nil where it has none, or none that is known.
    public var cgroupPath: String?
    /// The inode number of its mount namespace, for a container without a cgroup of its own: what tells its processes
    /// from the host's then.
    public var mountNamespace: UInt32?

    /// Tells it from all others on this host: an id of the user's own choice does not.
    public var key: String { cgroupPath ?? ownID }
    /// The id, with the user's number before it where a user chose it: it may be that of another's container.
    public var ownID: String { Self.ownID(id, ofUser: uid ?? 0) }
    /// - Parameter uid: 0: root's.
    static func ownID(_ id: String, ofUser uid: UInt32) -> String { uid == 0 ? id : "\(uid)/\(id)" }

    public init(
        runtime: RuntimeName, id: String, name: String, imageName: String? = nil, initPid: Int32? = nil,
        kubernetes: KubernetesContainer? = nil, startedAt: Int64? = nil, bundlePath: String? = nil,
        cgroupPath: String? = nil, mountNamespace: UInt32? = nil
    ) {
        self.runtime = runtime
        self.id = id
        self.name = name
        self.imageName = imageName
        self.initPid = initPid
        self.kubernetes = kubernetes
        self.startedAt = startedAt
        self.bundlePath = bundlePath
        self.cgroupPath = cgroupPath
        self.mountNamespace = mountNamespace
    }

    /// A container of which nothing but what is seen from outside is known.
    public init(of clue: ContainerClue) {
        self.init(
            runtime: clue.hint ?? .unknown, id: clue.id, name: Self.name(nil, id: clue.id),
            bundlePath: clue.bundle?.path, cgroupPath: clue.cgroupPath)
    }

    /// The same as a user's: he may call it what he likes, but for what tells of others.
    /// - Parameter uid: 0: root's, which stays as it is.
    public func owned(by uid: UInt32) -> Container {
        guard uid != 0 else { return self }
        var container = self
        container.uid = uid
        container.kubernetes = nil
        // As Podman takes names (podman-run(1)); one with a slash would be read as another user's.
        let isPlain = name.utf8.allSatisfy { byte in
            byte != UInt8(ascii: "/") && byte > 0x20 && byte < 0x7f
        }
        container.name = UserDatabase.shownName(uid: uid) + "/" + (isPlain ? name : shortID)
        return container
    }

    /// Whether nobody told its name.
    public var isNameless: Bool { (name.split(separator: "/").last ?? "") == shortID }

    /// As runtimes show it: 12 digits of it, or all of an id of the user's own choice.
    public var shortID: String { Self.shortID(id) }

    /// Docker's names begin with a slash; a missing one becomes the short id.
    static func name(_ name: String?, id: String) -> String {
        let name = name.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 } ?? ""
        return name.isEmpty ? shortID(id) : name
    }

    /// What runtimes show in place of a name; an id of the user's own choice (`runc run web`) is a name already.
    static func shortID(_ id: String) -> String { id.allSatisfy(\.isHexDigit) ? String(id.prefix(12)) : id }
}

/// Which container of which pod.
public struct KubernetesContainer: Equatable, Sendable {
    public let namespace: String
    public let podName: String
    public let containerName: String
    public let podUID: String?

    public init(namespace: String, podName: String, containerName: String, podUID: String?) {
        self.namespace = namespace
        self.podName = podName
        self.containerName = containerName
        self.podUID = podUID
    }

    /// From the labels that the kubelet gives every container (kubernetes, pkg/kubelet/types/labels.go);
    /// nil where they are missing.
    init?(labels: [String: String]) {
        guard let namespace = labels["io.kubernetes.pod.namespace"], let podName = labels["io.kubernetes.pod.name"]
        else { return nil }
        self.init(
            namespace: namespace, podName: podName, containerName: labels["io.kubernetes.container.name"] ?? "",
            podUID: labels["io.kubernetes.pod.uid"])
    }
}
