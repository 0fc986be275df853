internal import LibBPF
internal import Synchronization

/// What waits for the session's reader, in the order in which it came. Bounded by what it holds, not by batches: a ring
/// buffer that wakes the event loop for each event makes batches of one.
final class ItemQueue: Sendable {
    /// Some 15 MB where names and paths are short; more wait in the kernel's ring buffer for a while.
    static let mostEvents = 1 << 15
    /// Of events; whoever is traced chooses how long its paths are, up to 4 KB.
    static let mostBytes = 32 << 20
    /// Notices and details.
    static let mostNotices = 1 << 12
    /// So many events that wait take memory which is worth giving back.
    private static let backlog = 1 << 12
    /// What the reader gets at once.
    private static let batchSize = 512

    private struct State {
        var batches: [[SessionItem]] = []
        var events = 0
        /// The most there were since many were worked off.
        var mostEvents = 0
        var bytes = 0
        var notices = 0
        /// Since the reader was told.
        var droppedNotices = 0
        /// Batches that the reader has taken, ever.
        var taken: UInt64 = 0
        var isFinished = false
        var reader: CheckedContinuation<[SessionItem]?, Never>?

        /// - Returns: How many events found no room.
        mutating func add(_ items: [SessionItem]) -> Int {
            var dropped = 0
            var kept: [SessionItem] = []
            kept.reserveCapacity(items.count)
            for item in items {
                if item.isEvent {
                    guard events < ItemQueue.mostEvents, bytes < ItemQueue.mostBytes else {
                        dropped += 1
                        continue
                    }
                    events += 1
                    bytes += item.size
                } else if item.isNotice {
                    guard notices < ItemQueue.mostNotices else {
                        droppedNotices += 1
                        continue
                    }
                    notices += 1
                }
                kept.append(item)
            }
            if let last = batches.indices.last, batches[last].count + kept.count <= ItemQueue.batchSize {
                batches[last] += kept
            } else if !kept.isEmpty {
                batches.append(kept)
            }
            return dropped
        }

        mutating func takeFirst() -> [SessionItem]? {
            guard !batches.isEmpty else { return nil }
            var batch = batches.removeFirst()
            taken += 1
            for item in batch {
                if item.isEvent { (events, bytes) = (events - 1, bytes - item.size) }
                if item.isNotice { notices -= 1 }
            }
            if droppedNotices > 0 {
                batch.append(.notice("\(droppedNotices) notices were left out, as the output is too slow"))
                droppedNotices = 0
            }
            return batch
        }
    }

    private let state = Mutex(State())

    /// Whether the next events had better wait: half of the room is left, for those that can't.
    var isFull: Bool {
        state.withLock { $0.events >= Self.mostEvents / 2 || $0.bytes >= Self.mostBytes / 2 }
    }

    /// Whether many events have waited and none does any more; once.
    func takeWorkedOff() -> Bool {
        state.withLock { state in
            guard state.events == 0, state.mostEvents >= Self.backlog else { return false }
            state.mostEvents = 0
            return true
        }
    }

    /// Grows while the reader goes on.
    var progress: UInt64 {
        state.withLock { $0.taken }
    }

    /// Never waits. What says how the session goes on is always taken.
    /// - Returns: How many events found no room.
    func put(_ items: [SessionItem]) -> Int {
        let (dropped, wake) = state.withLock { (state) -> (Int, (() -> Void)?) in
            let dropped = state.add(items)
            state.mostEvents = max(state.mostEvents, state.events)
            guard let reader = state.reader, let batch = state.takeFirst() else { return (dropped, nil) }
            state.reader = nil
            return (dropped, { reader.resume(returning: batch) })
        }
        wake?()
        return dropped
    }

    /// Lets the reader come to its end after what is there.
    func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    /// Waits for the next items; nil at the end. For one reader.
    func next() async -> [SessionItem]? {
        await withCheckedContinuation { continuation in
            let answer: [SessionItem]?? = state.withLock { state in
                if let batch = state.takeFirst() { return .some(batch) }
                if state.isFinished { return .some(nil) }
                state.reader = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}

extension SessionItem {
    fileprivate var isEvent: Bool {
        if case .serverName = self { true } else { false }
    }

    fileprivate var isNotice: Bool {
        switch self {
        case .notice, .detail: true
        case .ready, .complete, .serverName, .lost: false
        }
    }

    /// Bytes of an event, but for what it shares with others.
    fileprivate var size: Int {
        guard case .serverName(let event) = self else { return 0 }
        return 512 + (event.record.name?.utf8.count ?? 0) + event.record.executable.utf8.count
    }
}
