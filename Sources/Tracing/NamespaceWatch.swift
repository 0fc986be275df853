internal import Containers
internal import LibBPF
internal import OS
internal import Processes

/// What is known of mount namespaces that are not the host's: whose they are is asked once, and which containers that
/// have nothing but their namespace are still there.
struct NamespaceWatch {
    enum State {
        case unknown
        case asked
        /// No container's.
        case plain
    }

    /// The kernel gives a namespace's number again as soon as it is free, and asking is a walk over all processes;
    /// nanoseconds.
    private static let trust: Int64 = 10_000_000_000
    private static let most = 4096

    /// Until when an answer holds; nil: it is awaited.
    private var plain: [UInt32: Int64?] = [:]
    /// By `Container.ownID`.
    private var watched: [String: FirstProcess] = [:]

    private struct FirstProcess {
        let identity: ProcessIdentity
        /// When it was last there; CLOCK_MONOTONIC, nanoseconds.
        var seenAt: Int64
    }

    /// A process that was seen in a call.
    struct Caller {
        let process: ProcessIdentity
        let parent: Int32
        /// Of the call; CLOCK_MONOTONIC, nanoseconds.
        let time: Int64
    }

    /// What events of a namespace wait for.
    static func key(_ namespace: UInt32) -> String { "mnt:\(namespace)" }

    /// Of a namespace that no container has. One that is not known is taken as asked for from now on.
    mutating func state(of namespace: UInt32) -> State {
        switch plain[namespace] {
        case .some(nil): return .asked
        case .some(let until?) where until > Clock.monotonic: return .plain
        default: break
        }
        if plain.count >= Self.most { plain = [:] }
        plain[namespace] = .some(nil)
        return .unknown
    }

    mutating func answer(_ namespace: UInt32, isPlain: Bool) {
        plain[namespace] = isPlain ? .some(Clock.monotonic + Self.trust) : nil
    }

    /// Watches for the end of a container, if its mount namespace is all that tells it.
    mutating func watch(_ container: Container) {
        guard container.cgroupPath == nil, container.mountNamespace != nil, let pid = container.initPid else { return }
        let now = Clock.monotonic
        if let identity = try? ProcessIdentity(pid: pid) {
            watched[container.ownID] = FirstProcess(identity: identity, seenAt: now)
        } else {
            // Ended already: found out by the next look.
            watched[container.ownID] = FirstProcess(identity: ProcessIdentity(pid: pid, startTime: 0), seenAt: 0)
        }
    }

    func isRunning(_ container: Container) -> Bool {
        watched[container.ownID]?.identity.isCurrent ?? false
    }

    /// Whether a container still had its mount namespace when a process of that namespace made a call: its number may
    /// be another namespace's by now. Once the container has ended, its first process and that one's children are known
    /// to have been in it.
    mutating func holds(_ container: Container, _ caller: Caller) -> Bool {
        // The end of one with a control group is told.
        guard let first = watched[container.ownID] else { return container.cgroupPath != nil }
        // One that is older may have called before the container was there, or have entered it later.
        let isYounger = caller.process.startTime >= first.identity.startTime
        // One look answers for all calls before it.
        if isYounger && caller.time <= first.seenAt { return true }
        let now = Clock.monotonic
        if first.identity.isCurrent {
            watched[container.ownID]?.seenAt = now
            return isYounger || caller.process.isCurrent
        }
        return caller.process == first.identity || caller.parent == first.identity.pid
    }

    /// - Returns: The `ownID` of containers whose first process is gone, once.
    mutating func takeEnded() -> [String] {
        let now = Clock.monotonic
        var ended: [String] = []
        for (id, first) in watched {
            if first.identity.isCurrent { watched[id]?.seenAt = now } else { ended.append(id) }
        }
        for id in ended { watched[id] = nil }
        return ended
    }
}

extension NamespaceWatch.Caller {
    init(_ record: ServerNameRecord) {
        let startTime = record.startTime / UInt64(1_000_000_000 / Clock.ticksPerSecond)
        process = ProcessIdentity(pid: Int32(bitPattern: record.pid), startTime: startTime)
        parent = Int32(bitPattern: record.parentPID)
        time = Int64(record.time)
    }
}
