/// The way out of the event loop: batches for a bounded queue. What does not fit is counted, never waited for.
struct Output {
    private let queue: ItemQueue
    private var batch: [SessionItem] = []
    /// Events that came before the session was ready; nil afterwards.
    private var early: [SessionItem]? = []

    init(_ queue: ItemQueue) {
        self.queue = queue
    }

    /// Whether the next events had better wait.
    var isFull: Bool { queue.isFull }
    /// Grows while the reader goes on.
    var progress: UInt64 { queue.progress }
    /// Whether many events have waited and none does any more; once.
    func takeWorkedOff() -> Bool { queue.takeWorkedOff() }

    mutating func add(_ item: SessionItem) {
        switch item {
        case .serverName where early != nil, .lost where early != nil: early?.append(item)
        default: batch.append(item)
        }
    }

    /// - Parameter readiness: nil where the session ended before it was ready.
    mutating func finishStart(_ readiness: Readiness?) {
        if let readiness { batch.append(.ready(readiness)) }
        batch += early ?? []
        early = nil
    }

    mutating func flush(_ losses: inout [LossReason: UInt64]) {
        guard !batch.isEmpty else { return }
        let dropped = queue.put(batch)
        if dropped > 0 { losses[.slowOutput, default: 0] += UInt64(dropped) }
        batch.removeAll(keepingCapacity: true)
    }
}
