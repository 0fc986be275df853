internal import OS
public import Processes

/// All runtimes of this host, and which of them a container belongs to. A value without state: usable from any thread;
/// its calls may wait for the disk, never for a daemon.
public struct ContainerRuntimes: Sendable {
    /// From the topmost layer down: of one container, the first that knows it decides. Docker's are containerd's too,
    /// and all are an OCI runtime's.
    public let runtimes: [any ContainerRuntime]
    /// For their sockets, which tell of new names.
    public let dockerDaemons: [DockerDaemon]

    private let ownership: CgroupOwnership

    public init(
        runtimes: [any ContainerRuntime], dockerDaemons: [DockerDaemon] = [], ownership: CgroupOwnership = .host
    ) {
        self.runtimes = runtimes
        self.dockerDaemons = dockerDaemons
        self.ownership = ownership
    }

    /// The runtimes whose processes run now, and those that leave state where they usually do.
    /// - Parameter listsUsers: Whether their lists have the containers of users' conmons, and those that users keep.
    public static func discover(listsUsers: Bool = true) -> ContainerRuntimes {
        // Without /proc nothing is known of them; their usual folders still tell.
        let processes = (try? RuntimeProcess.running()) ?? []
        let daemons = DockerDaemon.among(processes)
        return ContainerRuntimes(
            runtimes: [
                DockerRuntime(daemons: daemons), CRIORuntime(processes), ContainerdRuntime(processes),
                PodmanRuntime(processes, listsUsers: listsUsers), LXCRuntime(processes), NspawnRuntime(processes),
            ] + OCIRuntime.all(processes, listsUsers: listsUsers), dockerDaemons: daemons)
    }

    /// The container whose own cgroup this is, from what its path, its maker and the runtimes' files tell.
    /// - Parameters:
    ///   - path: From the root of the hierarchy.
    ///   - maker: The process that made the cgroup; nil where that is not known.
    /// - Returns: nil for a cgroup that is no container's own.
    public func container(atCgroup path: String, madeBy maker: Int32? = nil) -> ContainerResolution? {
        let named = CgroupPath.containerID(in: path)
        let user = ownership.user(ofCgroup: path)
        guard user == 0 else {
            // Its name is the user's choice, and no runtime of root's has containers there. More is told by its conmon.
            return named.flatMap { named in
                named.path == path ? ContainerResolution(container: .atCgroup(named, ofUser: user), isKnown: true) : nil
            }
        }
        if let invocation = maker.flatMap({ RuntimeProcess(pid: $0, comm: "") }).flatMap(OCIInvocation.init) {
            let bundle = Result { try OCIBundle(path: invocation.bundlePath) }
            let isOwn =
                (try? bundle.get().owns(cgroup: path, id: invocation.id))
                ?? OCIBundle.isNamed(path, after: invocation.id)
            if isOwn {
                let hint = named?.runtime ?? RuntimeName.ociRuntime(invocation.program)
                return resolve(
                    ContainerClue(
                        id: invocation.id, cgroupPath: path, hint: hint, podUID: named?.podUID,
                        bundle: try? bundle.get()), unread: bundle.failure)
            }
        }
        guard let named, named.path == path else { return nil }
        let bundle = runtimes.lazy.compactMap { $0.bundlePath(ofContainer: named.id) }.first.map { path in
            Result { try OCIBundle(path: path) }
        }
        // The runtime has a container of this id in another cgroup.
        if CgroupPath.isContainerID(named.id), (try? bundle?.get())?.owns(cgroup: path, id: named.id) == false {
            return nil
        }
        return resolve(
            ContainerClue(
                id: named.id, cgroupPath: path, hint: named.runtime, podUID: named.podUID,
                bundle: try? bundle?.get()), unread: bundle?.failure)
    }

    /// The container that a clue leads to; where no runtime knows it, what the clue tells.
    /// - Parameter unread: Why its bundle could not be read.
    public func resolve(_ clue: ContainerClue, unread: (any Error)? = nil) -> ContainerResolution {
        var failure = unread
        for runtime in runtimes {
            do {
                if var container = try runtime.container(clue) {
                    container.cgroupPath = container.cgroupPath ?? clue.cgroupPath
                    container.bundlePath = container.bundlePath ?? clue.bundle?.path
                    // What a runtime above that could not be read would have told may be missing.
                    let isWhole = container.runtime == (clue.hint ?? container.runtime)
                    return ContainerResolution(
                        container: container, isKnown: true, failure: isWhole ? unread : failure, bundle: clue.bundle)
                }
            } catch {
                failure = failure ?? error
            }
        }
        return ContainerResolution(
            container: Container(of: clue), isKnown: false, failure: failure, bundle: clue.bundle)
    }

    /// All containers of all runtimes, each once, by runtime and name.
    public func list() -> ContainerListing {
        var seen: Set<String> = []
        var all = ContainerListing()
        for runtime in runtimes {
            let listing = runtime.containers(except: seen)
            all.failures += listing.failures
            for container in listing.containers.concurrentMap(Self.completed) {
                // An id of the user's own choice is none across runtimes; a cgroup is.
                let isNew = seen.insert(container.ownID).inserted
                let isElsewhere = container.cgroupPath.map { seen.insert("cgroup " + $0).inserted } ?? true
                if CgroupPath.isContainerID(container.id) ? isNew : isElsewhere { all.containers.append(container) }
            }
        }
        all.containers.sort { ($0.runtime.rawValue, $0.name, $0.id) < ($1.runtime.rawValue, $1.name, $1.id) }
        return all
    }

    /// The running containers without a cgroup of their own that have one of these mount namespaces, such as those of
    /// systemd-nspawn without systemd, which no new cgroup shows. Asks all runtimes that run now, but for nothing that
    /// a user keeps, who could keep the others waiting.
    static func containers(inMountNamespaces namespaces: Set<UInt32>) -> [UInt32: Container] {
        discover(listsUsers: false).containers(inMountNamespaces: namespaces)
    }

    /// The same of what users keep, but for what their conmons watch. Waits for them, for a moment.
    static func usersContainers(inMountNamespaces namespaces: Set<UInt32>) -> [UInt32: Container] {
        ContainerRuntimes(runtimes: OCIRuntime.ofUsers()).containers(inMountNamespaces: namespaces)
    }

    private func containers(inMountNamespaces namespaces: Set<UInt32>) -> [UInt32: Container] {
        var found: [UInt32: Container] = [:]
        for container in list().containers {
            guard let namespace = container.mountNamespace, namespaces.contains(namespace) else { continue }
            found[namespace] = found[namespace] ?? container
        }
        return found
    }

    /// Adds what the first process of a running container tells: its cgroup, and when it began.
    static func completed(_ container: Container) -> Container {
        guard let pid = container.initPid else { return container }
        var container = container
        guard let status = try? ProcessStatus(pid: pid), status.state != "Z" else {
            // Left behind by a runtime that was killed.
            container.initPid = nil
            return container
        }
        guard let membership = try? CgroupMembership(pid: pid) else { return container }
        container.cgroupPath = container.cgroupPath ?? ownCgroup(of: container, among: membership.paths)
        // root's containers are in no cgroup that a user made, and a user's in none of root's or of another user.
        if let path = container.cgroupPath, CgroupOwnership.host.user(ofCgroup: path) != container.uid ?? 0 {
            container.cgroupPath = nil
        }
        let namespace = ProcessRecord.mountNamespace(of: pid)
        // One that shares the host's is not told from the host by it.
        let isApart = namespace != nil && namespace != ProcessRecord.hostMountNamespace
        let isOthers = membership.paths.lazy.compactMap(CgroupPath.containerID).contains { $0.id != container.id }
        guard container.cgroupPath != nil || (isApart && !isOthers) else {
            // Left behind too, and its number is another process's by now.
            container.initPid = nil
            return container
        }
        container.startedAt = container.startedAt ?? status.startedAt
        // In hybrid a container may have a cgroup in the v1 hierarchies only, whereas events tell the v2 one.
        let isNumbered = container.cgroupPath.map { own in
            membership.unified.map { $0 == own || $0.hasPrefix(own + "/") } ?? true
        }
        if isNumbered != true && isApart { container.mountNamespace = namespace }
        return container
    }

    /// A container without rights on cgroups stays in the one of whoever started it.
    private static func ownCgroup(of container: Container, among paths: [String]) -> String? {
        if let named = paths.lazy.compactMap(CgroupPath.containerID).first(where: { $0.id == container.id }) {
            return named.path
        }
        let bundle = container.bundlePath.flatMap { try? OCIBundle(path: $0) }
        for path in paths {
            // Its first process may have gone on into a cgroup below.
            let components = path.split(separator: "/")
            for count in stride(from: components.count, to: 0, by: -1) {
                let candidate = "/" + components.prefix(count).joined(separator: "/")
                let isOwn =
                    bundle?.owns(cgroup: candidate, id: container.id)
                    ?? OCIBundle.isNamed(candidate, after: container.id)
                if isOwn { return candidate }
            }
        }
        return nil
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}

/// What was found out about a container.
public struct ContainerResolution: Sendable {
    public let container: Container
    /// Whether a runtime knows it; else it is what is seen from outside.
    public let isKnown: Bool
    /// Why a runtime's state could not be read, where the container is known from outside only.
    public let failure: (any Error)?
    public let bundle: OCIBundle?

    init(container: Container, isKnown: Bool, failure: (any Error)? = nil, bundle: OCIBundle? = nil) {
        self.container = container
        self.isKnown = isKnown
        self.failure = failure
        self.bundle = bundle
    }
}

extension RuntimeName {
    /// By the name of an OCI runtime's program.
    static func ociRuntime(_ program: String) -> RuntimeName {
        program.hasPrefix("crun") ? .crun : .runc
    }
}
