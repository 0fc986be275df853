internal import Containers
internal import LibBPF
internal import OS
internal import Processes

/// What is known of mount namespaces that are not the host's: whose they are is asked once, and which containers that
/// have nothing but their namespace are still there. Reads no file.
struct NamespaceWatch {
    enum State {
        case unknown
        case asked
        /// No container's.
        case plain
        /// Not asked for: this user has too many.
        case refused
    }

    /// The kernel gives a namespace's number again as soon as it is free, and asking is a walk over all processes;
    /// nanoseconds.
    private static let trust: Int64 = 10_000_000_000
    /// Of all users, and of one. root has as much as a user beside what all users have, some of whom have many numbers.
    private static let most = 1 << 14
    static let mostOfUser = 1024
    /// Between two looks for answers that hold no longer; nanoseconds.
    private static let cleaning: Int64 = 1_000_000_000

    private struct Answer {
        let uid: UInt32
        /// Until when it holds; nil: it is awaited.
        var until: Int64?
    }

    private var plain: [UInt32: Answer] = [:]
    /// How many of them are each user's.
    private var counts: [UInt32: Int] = [:]
    private var nextCleaning: Int64 = 0
    /// By `Container.ownID`.
    private var watched: [String: FirstProcess] = [:]

    private struct FirstProcess {
        let process: HeldProcess?
        let identity: ProcessIdentity
        /// A call from its namespace that was made later was made in the container, as long as it runs; CLOCK_MONOTONIC,
        /// nanoseconds.
        let startedBy: Int64
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
    /// - Parameter uid: Who made a call from it.
    mutating func state(of namespace: UInt32, uid: UInt32) -> State {
        let now = Clock.monotonic
        if let answer = plain[namespace] {
            guard let until = answer.until else { return .asked }
            if until > now { return .plain }
            forget(namespace)
        }
        if isFull(for: uid), now >= nextCleaning {
            nextCleaning = now + Self.cleaning
            for (namespace, answer) in plain { if let until = answer.until, until <= now { forget(namespace) } }
        }
        guard !isFull(for: uid) else { return .refused }
        plain[namespace] = Answer(uid: uid)
        counts[uid, default: 0] += 1
        return .unknown
    }

    private func isFull(for uid: UInt32) -> Bool {
        let ofAll = uid == 0 ? 0 : plain.count - counts[0, default: 0]
        return ofAll >= Self.most - Self.mostOfUser || counts[uid, default: 0] >= Self.mostOfUser
    }

    mutating func answer(_ namespace: UInt32, isPlain: Bool) {
        if isPlain {
            plain[namespace]?.until = Clock.monotonic + Self.trust
        } else {
            forget(namespace)
        }
    }

    private mutating func forget(_ namespace: UInt32) {
        guard let uid = plain.removeValue(forKey: namespace)?.uid, let count = counts[uid] else { return }
        counts[uid] = count > 1 ? count - 1 : nil
    }

    /// Watches for the end of a container, if its mount namespace is all that tells it.
    /// - Parameter first: Its first process; nil where that has ended already, which the next look finds.
    mutating func watch(_ container: Container, _ first: HeldProcess?) {
        guard container.cgroupPath == nil, container.mountNamespace != nil, let pid = container.initPid else { return }
        let identity = first?.identity ?? ProcessIdentity(pid: pid, startTime: 0)
        let startedBy = Clock.boot(ticks: identity.startTime &+ 1) &- (Clock.boot &- Clock.monotonic)
        watched[container.ownID] = FirstProcess(
            process: first, identity: identity, startedBy: startedBy,
            seenAt: first?.isRunning == true ? Clock.monotonic : 0)
    }

    func isRunning(_ container: Container) -> Bool {
        watched[container.ownID]?.process?.isRunning ?? false
    }

    /// Whether a container still had its mount namespace when a process of that namespace made a call: its number may
    /// be another namespace's by now. Once the container has ended, its first process and that one's children are known
    /// to have been in it.
    mutating func holds(_ container: Container, _ caller: Caller) -> Bool {
        // The end of one with a control group is told.
        guard let first = watched[container.ownID] else { return container.cgroupPath != nil }
        // One that is older may have called before the container was there, or have entered it later.
        let isInside = caller.process.startTime >= first.identity.startTime || caller.time > first.startedBy
        // One look answers for all calls before it.
        if isInside && caller.time <= first.seenAt { return true }
        let now = Clock.monotonic
        if first.process?.isRunning == true {
            watched[container.ownID]?.seenAt = now
            return isInside
        }
        return caller.process == first.identity || caller.parent == first.identity.pid
    }

    /// - Returns: The `ownID` of containers whose first process is gone, once.
    mutating func takeEnded() -> [String] {
        let now = Clock.monotonic
        var ended: [String] = []
        for (id, first) in watched {
            if first.process?.isRunning == true { watched[id]?.seenAt = now } else { ended.append(id) }
        }
        for id in ended { watched[id] = nil }
        return ended
    }
}

extension NamespaceWatch.Caller {
    init(_ record: ServerNameRecord) {
        let startTime = record.caller.startTime / UInt64(1_000_000_000 / Clock.ticksPerSecond)
        process = ProcessIdentity(pid: Int32(bitPattern: record.caller.pid), startTime: startTime)
        parent = Int32(bitPattern: record.caller.parentPID)
        time = Int64(record.time)
    }
}
