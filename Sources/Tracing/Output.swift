/// The way out of the event loop: batches in a bounded stream. What does not fit is counted, never waited for.
struct Output {
    /// Some 64,000 events at most wait for a slow reader.
    static let batches = 128
    private static let batchSize = 512

    private let stream: AsyncStream<[SessionItem]>.Continuation
    private var batch: [SessionItem] = []
    /// Events that came before the session was ready; nil afterwards.
    private var early: [SessionItem]? = []

    init(_ stream: AsyncStream<[SessionItem]>.Continuation) {
        self.stream = stream
    }

    mutating func add(_ event: SessionItem, _ losses: inout [LossReason: UInt64]) {
        guard early == nil else {
            early?.append(event)
            return
        }
        batch.append(event)
        if batch.count >= Self.batchSize { flush(&losses) }
    }

    /// For the few items that are no events.
    mutating func add(_ item: SessionItem) {
        if case .lost = item, early != nil {
            early?.append(item)
        } else {
            batch.append(item)
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
        if case .dropped(let dropped) = stream.yield(batch) {
            let events = dropped.count { if case .serverName = $0 { true } else { false } }
            losses[.slowOutput, default: 0] += UInt64(events)
        }
        batch.removeAll(keepingCapacity: true)
    }
}
