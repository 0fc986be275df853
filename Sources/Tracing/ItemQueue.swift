internal import OS

/// By which way an event comes: what few calls give comes before what many do.
enum Lane: CaseIterable {
    case quick
    case bulk
}

/// What waits for the session's reader: of each lane in the order in which it came. Bounded by what it holds, not by
/// batches.
final class ItemQueue: Sendable {
    /// Of a lane; the bulk lane's take some 12 MB with the longest names. More wait in the kernel's ring buffers; the
    /// programs are to see where the quick lane gets crowded.
    static func mostEvents(_ lane: Lane) -> Int { lane == .quick ? 1 << 10 : 1 << 15 }
    /// Notices and details.
    static let mostNotices = 1 << 12
    /// So many events that wait take memory which is worth giving back.
    private static let backlog = 1 << 12
    /// Events of the bulk lane that the reader gets at once: one of the quick lane waits for them.
    static let bulkBatch = 128

    private struct State {
        /// Also all that is no event.
        var quick: [SessionItem] = []
        var quickEvents = 0
        /// Since when the first of `quick` waits; CLOCK_MONOTONIC, nanoseconds.
        var quickSince: Int64 = 0
        /// Of those that were taken.
        var longestWait: Int64 = 0
        var bulk: [[ServerNameEvent]] = []
        var bulkEvents = 0
        /// The most events there were since many were worked off.
        var mostEvents = 0
        var notices = 0
        /// Since the reader was told.
        var droppedNotices = 0
        /// Batches that the reader has taken, ever.
        var taken: UInt64 = 0
        var isFinished = false

        mutating func put(_ item: SessionItem) {
            if item.isNotice {
                guard notices < ItemQueue.mostNotices else {
                    droppedNotices += 1
                    return
                }
                notices += 1
            }
            if quick.isEmpty { quickSince = Clock.monotonic }
            quick.append(item)
        }

        mutating func put(_ events: [ServerNameEvent], _ lane: Lane) {
            switch lane {
            case .quick:
                if quick.isEmpty { quickSince = Clock.monotonic }
                quick.append(.serverNames(events))
                quickEvents += events.count
            case .bulk:
                var rest = events[...]
                while rest.count > ItemQueue.bulkBatch {
                    bulk.append(Array(rest.prefix(ItemQueue.bulkBatch)))
                    rest = rest.dropFirst(ItemQueue.bulkBatch)
                }
                bulk.append(Array(rest))
                bulkEvents += events.count
            }
            mostEvents = max(mostEvents, quickEvents + bulkEvents)
        }

        mutating func take() -> [SessionItem]? {
            var batch = quick
            if batch.isEmpty {
                guard !bulk.isEmpty else { return nil }
                let events = bulk.removeFirst()
                bulkEvents -= events.count
                batch = [.serverNames(events)]
            }
            if quickEvents > 0 { longestWait = max(longestWait, Clock.monotonic - quickSince) }
            quick = []
            quickEvents = 0
            notices = 0
            taken += 1
            if droppedNotices > 0 {
                batch.append(.notice("\(droppedNotices) notices were left out, as the output is too slow"))
                droppedNotices = 0
            }
            return batch
        }
    }

    private let state = Awaited(State(), groups: 1)

    private func change<Result>(_ change: (inout State) -> Result) -> Result {
        state.change { (change(&$0), []) }
    }

    /// Whether the next events of a lane had better wait in its ring buffer.
    func isFull(_ lane: Lane, most: Int) -> Bool {
        change { (lane == .quick ? $0.quickEvents : $0.bulkEvents) >= most }
    }

    /// Whether many events have waited and none does any more; once.
    func takeWorkedOff() -> Bool {
        change { state in
            guard state.quickEvents + state.bulkEvents == 0, state.mostEvents >= Self.backlog else { return false }
            state.mostEvents = 0
            return true
        }
    }

    /// How long what was taken of the quick lane has waited, at most, since the last call; nanoseconds.
    func takeLongestWait() -> Int64 {
        change { state in
            defer { state.longestWait = 0 }
            return state.longestWait
        }
    }

    /// Grows while the reader goes on.
    var progress: UInt64 {
        change { $0.taken }
    }

    /// Never waits.
    func put(_ item: SessionItem) {
        state.change { state in
            state.put(item)
            return ((), [1])
        }
    }

    /// Never waits. Events are always taken: whoever adds them looks at `isFull` before.
    func put(_ events: [ServerNameEvent], _ lane: Lane) {
        state.change { state in
            state.put(events, lane)
            return ((), [1])
        }
    }

    /// Lets the reader come to its end after what is there.
    func finish() {
        state.change { state in
            state.isFinished = true
            return ((), [1])
        }
    }

    /// Waits for the next items; nil at the end. For one reader, on a thread of its own.
    func next() -> [SessionItem]? {
        let batch: [SessionItem]?? = state.wait(inGroup: 0) { state in
            if let batch = state.take() { return .some(batch) }
            return state.isFinished ? .some(nil) : nil
        }
        return batch ?? nil
    }
}

extension SessionItem {
    fileprivate var isNotice: Bool {
        switch self {
        case .notice, .detail: true
        case .ready, .complete, .serverNames, .lost: false
        }
    }
}
