internal import Synchronization

/// By which way an event comes: what few calls give comes before what many do.
enum Lane: CaseIterable {
    case quick
    case bulk
}

/// What waits for the session's reader: of each lane in the order in which it came. Bounded by what it holds, not by
/// batches.
final class ItemQueue: Sendable {
    /// Of a lane; some 12 MB with the longest names. More wait in the kernel's ring buffers.
    static let mostEvents = 1 << 15
    /// Notices and details.
    static let mostNotices = 1 << 12
    /// So many events that wait take memory which is worth giving back.
    private static let backlog = 1 << 12
    /// What the reader gets at once. A batch of the bulk lane is what one of the quick lane waits for.
    private static func batchSize(_ lane: Lane) -> Int { lane == .quick ? 512 : 128 }

    private struct Waiting {
        var batches: [[SessionItem]] = []
        var events = 0

        mutating func add(_ items: [SessionItem], batchSize: Int) {
            for item in items where item.isEvent { events += 1 }
            if let last = batches.indices.last, batches[last].count + items.count <= batchSize {
                batches[last] += items
            } else if items.count <= batchSize {
                batches.append(items)
            } else {
                var rest = items[...]
                while !rest.isEmpty {
                    batches.append(Array(rest.prefix(batchSize)))
                    rest = rest.dropFirst(batchSize)
                }
            }
        }

        mutating func takeFirst() -> [SessionItem]? {
            guard !batches.isEmpty else { return nil }
            let batch = batches.removeFirst()
            for item in batch where item.isEvent { events -= 1 }
            return batch
        }
    }

    private struct State {
        var quick = Waiting()
        var bulk = Waiting()
        /// The most events there were since many were worked off.
        var mostEvents = 0
        var notices = 0
        /// Since the reader was told.
        var droppedNotices = 0
        /// Batches that the reader has taken, ever.
        var taken: UInt64 = 0
        var isFinished = false
        var reader: CheckedContinuation<[SessionItem]?, Never>?

        mutating func add(_ items: [SessionItem], _ lane: Lane) {
            var kept = items
            if items.contains(where: \.isNotice) {
                kept = items.filter { item in
                    guard item.isNotice else { return true }
                    guard notices < ItemQueue.mostNotices else {
                        droppedNotices += 1
                        return false
                    }
                    notices += 1
                    return true
                }
            }
            switch lane {
            case .quick: quick.add(kept, batchSize: batchSize(lane))
            case .bulk: bulk.add(kept, batchSize: batchSize(lane))
            }
            mostEvents = max(mostEvents, quick.events + bulk.events)
        }

        mutating func takeFirst() -> [SessionItem]? {
            guard var batch = quick.takeFirst() ?? bulk.takeFirst() else { return nil }
            taken += 1
            for item in batch where item.isNotice { notices -= 1 }
            if droppedNotices > 0 {
                batch.append(.notice("\(droppedNotices) notices were left out, as the output is too slow"))
                droppedNotices = 0
            }
            return batch
        }
    }

    private let state = Mutex(State())

    /// Whether the next events of a lane had better wait in its ring buffer.
    func isFull(_ lane: Lane) -> Bool {
        state.withLock { (lane == .quick ? $0.quick : $0.bulk).events >= Self.mostEvents }
    }

    /// Whether many events have waited and none does any more; once.
    func takeWorkedOff() -> Bool {
        state.withLock { state in
            guard state.quick.events + state.bulk.events == 0, state.mostEvents >= Self.backlog else { return false }
            state.mostEvents = 0
            return true
        }
    }

    /// Grows while the reader goes on.
    var progress: UInt64 {
        state.withLock { $0.taken }
    }

    /// Never waits. All but notices are always taken: whoever adds events looks at `isFull` before.
    func put(_ items: [SessionItem], _ lane: Lane) {
        let wake = state.withLock { (state) -> (() -> Void)? in
            state.add(items, lane)
            guard let reader = state.reader, let batch = state.takeFirst() else { return nil }
            state.reader = nil
            return { reader.resume(returning: batch) }
        }
        wake?()
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
}
