/// The way out of the event loop: batches for a bounded queue, by lanes. Waits for nothing.
struct Output {
    private let queue: ItemQueue
    private var quick: [ServerNameEvent] = []
    private var bulk: [ServerNameEvent] = []
    /// Losses of the time before the session is ready.
    private var early: [SessionItem] = []
    private var isStarting = true

    /// What a lane holds back before the session is ready.
    private static let mostEarly = 1 << 14

    init(_ queue: ItemQueue) {
        self.queue = queue
    }

    /// Whether the next events of a lane had better wait where they are.
    func isFull(_ lane: Lane, most: Int) -> Bool {
        if isStarting { return (lane == .quick ? quick : bulk).count >= Self.mostEarly }
        return queue.isFull(lane, most: most)
    }

    /// How long what was taken of the quick lane has waited, at most, since the last call; nanoseconds.
    func takeLongestWait() -> Int64 { queue.takeLongestWait() }

    /// Grows while the reader goes on.
    var progress: UInt64 { queue.progress }
    /// Whether many events have waited and none does any more; once.
    func takeWorkedOff() -> Bool { queue.takeWorkedOff() }

    mutating func add(_ event: ServerNameEvent, _ lane: Lane) {
        switch lane {
        case .quick: quick.append(event)
        case .bulk:
            bulk.append(event)
            if bulk.count >= ItemQueue.bulkBatch, !isStarting { flush(&bulk, .bulk) }
        }
    }

    /// What is no event of a call.
    mutating func add(_ item: SessionItem) {
        if isStarting, case .lost = item { early.append(item) } else { queue.put(item) }
    }

    /// - Parameter readiness: nil where the session ended before it was ready.
    mutating func finishStart(_ readiness: Readiness?) {
        if let readiness { queue.put(.ready(readiness)) }
        for item in early { queue.put(item) }
        early = []
        isStarting = false
    }

    mutating func flush() {
        guard !isStarting else { return }
        flush(&quick, .quick)
        flush(&bulk, .bulk)
    }

    private func flush(_ events: inout [ServerNameEvent], _ lane: Lane) {
        guard !events.isEmpty else { return }
        queue.put(events, lane)
        events = []
    }
}
