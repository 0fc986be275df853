internal import Processes

/// What is seen of a container from outside, before its runtime's state is read: what its cgroup's path says, the
/// command line of the OCI runtime that makes it, its bundle. Runtimes tell from it which container it is.
public struct ContainerClue: Sendable {
    /// As the runtime knows it.
    public let id: String
    /// The container's own cgroup, from the hierarchy's root; nil where it has none (rootless).
    public let cgroupPath: String?
    /// By the cgroup's name or the OCI runtime's; several layers share one (Docker's containers are containerd's and
    /// runc's too), so the topmost that knows the container decides.
    public let hint: RuntimeName?
    /// In Kubernetes' own spelling, with dashes; nil outside a pod or where the path does not tell.
    public let podUID: String?
    /// nil where it is not found.
    public let bundle: OCIBundle?

    public init(
        id: String, cgroupPath: String?, hint: RuntimeName? = nil, podUID: String? = nil, bundle: OCIBundle? = nil
    ) {
        self.id = id
        self.cgroupPath = cgroupPath
        self.hint = hint
        self.podUID = podUID
        self.bundle = bundle
    }
}

extension ContainerClue {
    /// What a cgroup's path alone tells.
    public init(_ cgroup: ContainerCgroup) {
        self.init(id: cgroup.id, cgroupPath: cgroup.path, hint: cgroup.runtime, podUID: cgroup.podUID)
    }
}

extension Container {
    /// What a container's cgroup alone tells; nil where its path is not like a container's.
    public init?(atCgroup path: String) {
        guard let named = CgroupPath.containerID(in: path) else { return nil }
        self = Self.atCgroup(named, ofUser: CgroupOwnership.host.user(ofCgroup: named.path))
    }

    static func atCgroup(_ cgroup: ContainerCgroup, ofUser uid: UInt32) -> Container {
        // No user's container is CRI-O's, which works for Kubernetes alone.
        let runtime = uid != 0 && cgroup.runtime == .crio ? nil : cgroup.runtime
        return Container(of: ContainerClue(id: cgroup.id, cgroupPath: cgroup.path, hint: runtime)).owned(by: uid)
    }

    /// Whether a process in this container's cgroup is in the container, by its mount namespace. root's cgroups are as
    /// they say; in one that a user has named a process that sees the host's file system is the host's.
    public func isSeen(inMountNamespace namespace: UInt32) -> Bool {
        uid == nil || namespace != ProcessRecord.hostMountNamespace
    }
}
