internal import Containers
internal import LibBPF
internal import OS

/// Events whose container is being found out, by what they wait for. Whoever makes many has a share of the room.
struct DeferredEvents {
    struct Event {
        let record: ServerNameRecord
        let lane: Lane
        /// Whose it is for sure, whatever becomes of that container meanwhile; nil where that is what it waits for.
        var container: Container?
        /// CLOCK_MONOTONIC, nanoseconds.
        let deadline: Int64
    }

    /// Who pays for the room: a user; of root's, which most containers run as, what they wait for.
    private enum Payer: Hashable {
        case user(UInt32)
        case key(String)

        init(_ record: ServerNameRecord, _ key: String) {
            self = record.caller.uid == 0 ? .key(key) : .user(record.caller.uid)
        }
    }

    static let most = 1 << 14
    /// Users have many numbers (/etc/subuid): together they leave root a part.
    private static let mostOfUsers = most * 3 / 4
    static let mostOfPayer = 1 << 12

    private var events: [String: [Event]] = [:]
    private var counts: [Payer: Int] = [:]
    private var count = 0
    /// No event is overdue before; CLOCK_MONOTONIC, nanoseconds.
    private var firstDeadline = Int64.max

    var isEmpty: Bool { count == 0 }

    /// - Returns: Whether there was room.
    mutating func add(_ event: Event, waitingFor key: String) -> Bool {
        let payer = Payer(event.record, key)
        let room = event.record.caller.uid == 0 ? Self.most : Self.mostOfUsers
        guard count < room, counts[payer, default: 0] < Self.mostOfPayer else { return false }
        events[key, default: []].append(event)
        counts[payer, default: 0] += 1
        count += 1
        firstDeadline = min(firstDeadline, event.deadline)
        return true
    }

    /// Those that waited for `key`, in the order in which they came.
    mutating func take(waitingFor key: String) -> [Event] {
        let taken = events.removeValue(forKey: key) ?? []
        for event in taken { forget(event, key) }
        return taken
    }

    /// Those that have waited for long enough.
    mutating func takeOverdue(at now: Int64) -> [Event] {
        guard firstDeadline < now else { return [] }
        var overdue: [Event] = []
        firstDeadline = .max
        for (key, waiting) in events {
            let due = waiting.filter { $0.deadline < now }
            for event in due { forget(event, key) }
            overdue += due
            let rest = waiting.filter { $0.deadline >= now }
            events[key] = rest.isEmpty ? nil : rest
            for event in rest { firstDeadline = min(firstDeadline, event.deadline) }
        }
        return overdue
    }

    mutating func takeAll() -> [Event] {
        takeOverdue(at: .max)
    }

    private mutating func forget(_ event: Event, _ key: String) {
        let payer = Payer(event.record, key)
        count -= 1
        if let left = counts[payer] { counts[payer] = left > 1 ? left - 1 : nil }
    }
}
