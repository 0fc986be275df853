/// The way out of the event loop: batches for a bounded queue, by lanes. Waits for nothing.
struct Output {
    private let queue: ItemQueue
    private var quick: [SessionItem] = []
    private var bulk: [SessionItem] = []
    private var isStarting = true

    /// What a lane holds back before the session is ready.
    private static let mostEarly = 1 << 14

    init(_ queue: ItemQueue) {
        self.queue = queue
    }

    /// Whether the next events of a lane had better wait where they are.
    func isFull(_ lane: Lane) -> Bool {
        if isStarting { return (lane == .quick ? quick : bulk).count >= Self.mostEarly }
        return queue.isFull(lane)
    }

    /// Grows while the reader goes on.
    var progress: UInt64 { queue.progress }
    /// Whether many events have waited and none does any more; once.
    func takeWorkedOff() -> Bool { queue.takeWorkedOff() }

    mutating func add(_ event: ServerNameEvent, _ lane: Lane) {
        switch lane {
        case .quick: quick.append(.serverName(event))
        case .bulk: bulk.append(.serverName(event))
        }
    }

    /// What is no event of a call.
    mutating func add(_ item: SessionItem) {
        guard isStarting else { return quick.append(item) }
        if case .lost = item { quick.append(item) } else { queue.put([item], .quick) }
    }

    /// - Parameter readiness: nil where the session ended before it was ready.
    mutating func finishStart(_ readiness: Readiness?) {
        if let readiness { queue.put([.ready(readiness)], .quick) }
        isStarting = false
    }

    mutating func flush() {
        guard !isStarting else { return }
        flush(&quick, .quick)
        flush(&bulk, .bulk)
    }

    private func flush(_ batch: inout [SessionItem], _ lane: Lane) {
        guard !batch.isEmpty else { return }
        queue.put(batch, lane)
        batch.removeAll(keepingCapacity: true)
    }
}
