internal import Synchronization

/// What waits for the session's reader, in the order in which it came. Bounded by events, not by batches: a ring buffer
/// that wakes the event loop for each event makes batches of one.
final class ItemQueue: Sendable {
    /// Some 15 MB; more wait in the kernel's ring buffer for a while.
    static let mostEvents = 1 << 15
    /// What the reader gets at once.
    private static let batchSize = 512

    private struct State {
        var batches: [[SessionItem]] = []
        var events = 0
        /// Batches that the reader has taken, ever.
        var taken: UInt64 = 0
        var isFinished = false
        var reader: CheckedContinuation<[SessionItem]?, Never>?

        mutating func add(_ items: [SessionItem]) -> Int {
            let arriving = items.count { $0.isEvent }
            let taken = min(arriving, ItemQueue.mostEvents - events)
            events += taken
            var room = taken
            let kept =
                taken == arriving
                ? items
                : items.filter { item in
                    guard item.isEvent else { return true }
                    room -= 1
                    return room >= 0
                }
            if let last = batches.indices.last, batches[last].count + kept.count <= ItemQueue.batchSize {
                batches[last] += kept
            } else if !kept.isEmpty {
                batches.append(kept)
            }
            return arriving - taken
        }

        mutating func takeFirst() -> [SessionItem]? {
            guard !batches.isEmpty else { return nil }
            let batch = batches.removeFirst()
            taken += 1
            events -= batch.count { $0.isEvent }
            return batch
        }
    }

    private let state = Mutex(State())

    /// Whether the next events had better wait: half of the room is left, for those that can't.
    var isFull: Bool {
        state.withLock { $0.events >= Self.mostEvents / 2 }
    }

    /// Grows while the reader goes on.
    var progress: UInt64 {
        state.withLock { $0.taken }
    }

    /// Never waits. Items that are no events are always taken.
    /// - Returns: How many events found no room.
    func put(_ items: [SessionItem]) -> Int {
        let (dropped, wake) = state.withLock { (state) -> (Int, (() -> Void)?) in
            let dropped = state.add(items)
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
}
