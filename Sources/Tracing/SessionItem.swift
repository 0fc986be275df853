public import Containers

/// What a session reports.
public enum SessionItem: Sendable {
    /// All that ran when the session began is probed. Comes once, before any event.
    case ready(Readiness)
    /// The files that were unfinished when the session was ready have been inspected.
    case complete(Readiness)
    /// In the order in which the calls were made, as far as they came by the same lane.
    case serverNames([ServerNameEvent])
    /// Events that never came, since the last such item of the same reason.
    case lost(Loss)
    /// Something that the user should know, as a full sentence. May hold text of traced processes.
    case notice(String)
    /// What is probed and where, for whoever wants to know.
    case detail(String)

    public var isReady: Bool {
        if case .ready = self { true } else { false }
    }
}

/// Events that were lost.
public struct Loss: Sendable {
    /// Whose events they were.
    public struct Share: Sendable {
        public enum Owner: Sendable {
            case container(Container)
            /// A user outside of containers.
            case user(UInt32)
        }

        public let owner: Owner
        public let count: UInt64
    }

    public let reason: LossReason
    public let count: UInt64
    /// As far as it is known, the most first.
    public var shares: [Share] = []
}

/// Why events were lost.
public enum LossReason: String, Sendable, CaseIterable {
    case ringBufferFull = "ring buffer full"
    case shareUsedUp = "more than its share of the ring buffer"
    case slowOutput = "output too slow"
    case noMemory = "no memory in the kernel"
    case probeRemoved = "the probe was being removed"
    case containersMissed = "container starts missed: ring buffer full"
    case processesNotFollowed = "too many child processes to follow"
}

/// What is traced at the moment the session is ready.
public struct Readiness: Sendable {
    public var libraries = 0
    public var files = 0
    public var processes = 0
    public var containers = 0
    /// Processes whose mappings may not be read.
    public var unreadable = 0
    /// Files that were not inspected in time; they are followed up.
    public var unfinished = 0
    /// What of them can't be traced.
    public var untraced = UntracedFiles()
}

/// What a session did, for its closing line.
public struct SessionSummary: Sendable {
    public var events: UInt64 = 0
    public var unreadableNames: UInt64 = 0
    public var lost: [LossReason: UInt64] = [:]
    public var lateness = Lateness()
    public var untraced = UntracedFiles()
}
