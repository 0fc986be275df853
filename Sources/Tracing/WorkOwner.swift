internal import Containers
internal import OS
internal import Processes
internal import Synchronization

/// For whom a file is inspected: whose share of the threads, of the room and of the descriptors that takes.
enum WorkOwner: Hashable, Sendable {
    /// root's processes and files outside containers.
    case host
    /// All that a user runs, in containers or not.
    case user(UInt32)
    /// A container of root's, by its cgroup or its id.
    case container(String)
    /// root's processes in a control group, where it is not known whether that is a container's.
    case controlGroup(UInt64)
    /// Processes that had ended before anybody could see whose they were.
    case ended
    /// Pending: that of a process.
    case process(Int32)
    /// Pending: that of a container, by its key.
    case containerOrUser(key: String)

    var isPending: Bool {
        switch self {
        case .process, .containerOrUser: true
        case .host, .user, .container, .controlGroup, .ended: false
        }
    }

    /// Who it is. Reads /proc and the status of cgroups, which takes some 30 µs: not for the event loop.
    var resolved: WorkOwner {
        switch self {
        case .process(let pid): Self.owner(ofProcess: pid)
        case .containerOrUser(let key): Self.owner(ofContainer: key)
        case .host, .user, .container, .controlGroup, .ended: self
        }
    }

    private static func owner(ofProcess pid: Int32) -> WorkOwner {
        // The status of this directory has the effective user, also of a process that hides its memory
        // (fs/proc/base.c, task_dump_owner).
        guard let uid = try? FileStatus(path: "/proc/\(pid)").owner,
            let cgroups = try? Files.read("/proc/\(pid)/cgroup")
        else { return .ended }
        return owners.owner(ofCgroups: cgroups) ?? (uid == 0 ? .host : .user(uid))
    }

    private static let owners = CgroupOwners()

    private static func owner(ofContainer key: String) -> WorkOwner {
        let user: UInt32?
        if key.hasPrefix("/") {
            user = CgroupOwnership.host.user(ofCgroup: key)
        } else {
            // `Container.ownID`.
            user = key.split(separator: "/").first.flatMap { key.contains("/") ? UInt32($0) : nil }
        }
        return user.flatMap { $0 == 0 ? nil : .user($0) } ?? .container(key)
    }
}

/// Whose cgroups are, for a moment: a process that has just been started waits for none of a dozen directories' status.
private final class CgroupOwners: Sendable {
    private struct Known {
        let owner: WorkOwner?
        let at: Int64
    }

    /// Nanoseconds.
    private static let trust: Int64 = 2_000_000_000
    private static let most = 1024

    private let known = Mutex<[[UInt8]: Known]>([:])

    /// - Parameter file: /proc/PID/cgroup of a process.
    /// - Returns: nil where they tell of neither a user nor a container.
    func owner(ofCgroups file: [UInt8]) -> WorkOwner? {
        let now = Clock.monotonic
        if let known = known.withLock({ $0[file] }), now - known.at < Self.trust { return known.owner }
        let owner = CgroupMembership(file: file).paths.lazy.compactMap(Self.owner).first
        known.withLock { known in
            if known.count >= Self.most { known.removeAll() }
            known[file] = Known(owner: owner, at: now)
        }
        return owner
    }

    private static func owner(ofCgroup path: String) -> WorkOwner? {
        // Users have many uids of their own in containers (/etc/subuid) and as many cgroups as they like.
        if let user = CgroupOwnership.payer(ofPath: path), user != 0 { return .user(user) }
        // What is below a container's cgroup its root has made, and given to whomever it likes.
        let container = CgroupPath.containerID(in: path)
        let user = CgroupOwnership.host.user(ofCgroup: container?.path ?? path)
        return user == 0 ? container.map { .container($0.path) } : .user(user)
    }
}

extension MemoryQuestions<WorkOwner> {
    static func byOwner() -> MemoryQuestions {
        MemoryQuestions(first: .host) { WorkOwner.process($0).resolved }
    }
}

extension WorkOwner: CustomStringConvertible {
    var description: String {
        switch self {
        case .host: "root"
        case .user(let uid): "user \(uid)"
        case .container(let key): "the container \(key)"
        case .controlGroup(let id): "root in the control group \(id)"
        case .ended: "processes that have ended"
        case .process(let pid): "process \(pid)"
        case .containerOrUser(let key): "the container \(key)"
        }
    }
}
