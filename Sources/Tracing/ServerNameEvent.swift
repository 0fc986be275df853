public import Containers
public import LibBPF

/// The library function that took a server name.
public struct LibraryReference: Sendable {
    public let kind: String
    /// nil where the file does not tell.
    public let version: String?
    /// As the process that was met first with it sees it.
    public let path: String
    /// Hexadecimal; nil for a file without one.
    public let buildID: String?
    public let function: String
    /// How the function was found: "dynsym", "symtab".
    public let located: String
}

/// A server name that a process asked for.
public struct ServerNameEvent: Sendable {
    /// Nanoseconds since the epoch.
    public let timestamp: Int64
    /// What the kernel reported.
    public let record: ServerNameRecord
    /// nil for a process of the host.
    public let container: Container?
    public let library: LibraryReference

    /// Tells one connection from another, as long as this process runs; it does not give the library's address away.
    public var connection: String? {
        guard record.connection != 0 else { return nil }
        // The standard library seeds its hasher anew in each run.
        var hasher = Hasher()
        hasher.combine(record.pid)
        hasher.combine(record.startTime)
        hasher.combine(record.connection)
        let hash = String(UInt64(bitPattern: Int64(hasher.finalize())), radix: 16)
        return String(repeating: "0", count: 16 - hash.count) + hash
    }
}

/// What a session reports.
public enum SessionItem: Sendable {
    /// All that ran when the session began is probed. Comes once, before any event.
    case ready(Readiness)
    /// The files that were unfinished when the session was ready have been looked into.
    case complete(Readiness)
    /// Behind a reference: it is some hundred bytes, and items are handed from one thread to the next.
    indirect case serverName(ServerNameEvent)
    /// Events that never came, since the last such item.
    case lost(reason: LossReason, count: UInt64)
    /// Something that the user should know, as a full sentence. May hold text of traced processes.
    case notice(String)
    /// What is probed and where, for whoever wants to know.
    case detail(String)

    public var isReady: Bool {
        if case .ready = self { true } else { false }
    }
}

/// Why events were lost.
public enum LossReason: String, Sendable, CaseIterable {
    case ringBufferFull = "ring buffer full"
    case preempted = "too many preempted probes"
    case slowOutput = "output too slow"
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
    /// Files that were not looked into in time; they are followed up.
    public var unfinished = 0
}

/// What a session did, for its closing line.
public struct SessionSummary: Sendable {
    public var events: UInt64 = 0
    public var unreadableNames: UInt64 = 0
    public var lost: [LossReason: UInt64] = [:]
    public var lateness = Lateness()
}
