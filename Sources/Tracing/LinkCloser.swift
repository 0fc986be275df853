internal import LibBPF
internal import OS
internal import Synchronization

/// Takes probes out while the session goes on. The kernel waits for its own read sections at each (some 50 ms), and a
/// traced process whose memory does not answer can hold one for ever: nobody else waits for that.
final class LinkCloser: Sendable {
    private struct Batch: Sendable {
        let links: [BPFLink]
        let closed: @Sendable () -> Void
    }

    /// How long one batch keeps the next from its turn. Child processes do the closing and go on beyond it.
    private static let patience: Int32 = 5000
    /// Milliseconds.
    private static let pause: UInt32 = 200
    /// How many threads may be held at once.
    private static let mostThreads = 64

    private let table: ProbeTable
    private let queue = BlockingQueue<Batch>()
    private let threads = Atomic(0)

    init(table: ProbeTable) throws(SystemError) {
        self.table = table
        try Threads.start(name: "detach") { [queue] in
            while let batch = queue.take() {
                guard let rest = Self.close(batch) else { continue }
                // No process can be made just now.
                Threads.sleep(milliseconds: Self.pause)
                queue.put(rest)
            }
        }
    }

    /// - Returns: What could not be begun; nil for nothing.
    private static func close(_ batch: Batch) -> Batch? {
        let closed = BPFLink.close(batch.links, within: patience)
        let open = batch.links.filter(\.isOpen)
        // A file whose links are held for longer is not probed again.
        let areHeld = closed + open.count < batch.links.count
        if open.isEmpty && !areHeld { batch.closed() }
        guard !open.isEmpty else { return nil }
        return areHeld ? Batch(links: open) {} : Batch(links: open, closed: batch.closed)
    }

    /// Closes them when it is their turn.
    func close(_ released: ProbeTable.Released?) {
        guard let released else { return }
        queue.put(Batch(links: released.links) { [table] in table.closed(released.identity) })
    }

    /// Closes them beside all that waits for its turn.
    func closeAtOnce(_ released: ProbeTable.Released) {
        let rest = Countdown(released.links.count)
        for link in released.links { closeAtOnce(link, of: released, rest) }
    }

    /// Closes them at once, the first, which is mostly the only one, on this thread: a traced process may hold it.
    func closeHere(_ released: ProbeTable.Released) {
        let rest = Countdown(released.links.count)
        for link in released.links.dropFirst() { closeAtOnce(link, of: released, rest) }
        released.links.first?.close()
        if rest.countDown() { table.closed(released.identity) }
    }

    private func closeAtOnce(_ link: BPFLink, of released: ProbeTable.Released, _ rest: Countdown) {
        let closed: @Sendable () -> Void = { [table] in
            if rest.countDown() { table.closed(released.identity) }
        }
        if !closeOnThread(link, closed) { queue.put(Batch(links: [link], closed: closed)) }
    }

    /// On a thread of its own, which may be held.
    private func closeOnThread(_ link: BPFLink, _ closed: @escaping @Sendable () -> Void) -> Bool {
        guard threads.add(1, ordering: .relaxed).newValue <= Self.mostThreads else {
            threads.subtract(1, ordering: .relaxed)
            return false
        }
        do throws(SystemError) {
            try Threads.start(name: "detach") { [self] in
                link.close()
                closed()
                threads.subtract(1, ordering: .relaxed)
            }
            return true
        } catch {
            threads.subtract(1, ordering: .relaxed)
            return false
        }
    }

    /// Ends the thread. What waits for its turn is detached as its links go.
    func end() {
        queue.close()
    }
}

/// Tells the last of several.
private final class Countdown: Sendable {
    private let count: Atomic<Int>

    init(_ count: Int) {
        self.count = Atomic(count)
    }

    func countDown() -> Bool {
        count.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }
}
