internal import Containers
internal import OS

/// Users' containers that are about to start, and those that came of them: while one is expected or there, the files
/// that its program loads stay probed.
struct StartingContainers {
    /// How long one that has been seen may take until it is known in full; nanoseconds.
    private static let patience: Int64 = 1_000_000_000
    private static let most = 4096

    /// Until when each is waited for where it is not there, by its key; CLOCK_MONOTONIC, nanoseconds.
    private var deadlines: [String: Int64] = [:]

    /// What files are kept for. Once a container runs it has another key.
    static func key(_ container: StartingContainer) -> String { key(id: container.id) }
    private static func key(id: String) -> String { "starting:\(id)" }

    mutating func expect(_ container: StartingContainer) {
        guard deadlines.count < Self.most else { return }
        deadlines[Self.key(container)] = Clock.monotonic + MonitorReader.patience
    }

    /// The container runs: from now on it is no longer waited for, but for what its runtime has to say of it.
    mutating func appeared(id: String) {
        let key = Self.key(id: id)
        if let deadline = deadlines[key] { deadlines[key] = min(deadline, Clock.monotonic + Self.patience) }
    }

    func isExpected(key: String) -> Bool { deadlines[key] != nil }

    /// - Parameter isThere: Whether a container with an id runs.
    /// - Returns: The keys of those that have ended or never came, once.
    mutating func takeEnded(_ isThere: (String) -> Bool) -> [String] {
        guard !deadlines.isEmpty else { return [] }
        let now = Clock.monotonic
        let prefix = Self.key(id: "")
        let ended = deadlines.filter { $0.value < now && !isThere(String($0.key.dropFirst(prefix.count))) }.map(\.key)
        for key in ended { deadlines[key] = nil }
        return ended
    }
}
