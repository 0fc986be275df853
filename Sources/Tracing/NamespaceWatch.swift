internal import Containers
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
    /// First processes, by the container's id.
    private var watched: [String: ProcessIdentity] = [:]

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
        // Ended already: found out by the next look.
        watched[container.id] = (try? ProcessIdentity(pid: pid)) ?? ProcessIdentity(pid: pid, startTime: 0)
    }

    func isRunning(_ container: Container) -> Bool {
        watched[container.id]?.isCurrent ?? false
    }

    /// - Returns: The ids of containers whose first process is gone, once.
    mutating func takeEnded() -> [String] {
        let ended = watched.filter { !$0.value.isCurrent }.map(\.key)
        for id in ended { watched[id] = nil }
        return ended
    }
}
