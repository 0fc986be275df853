internal import LibBPF
internal import OS
internal import Synchronization

/// Takes probes out while the session goes on. The kernel waits for its own read sections at each (some 50 ms), and a
/// traced process whose memory does not answer can hold one for ever: nobody else waits for that.
final class LinkCloser: Sendable {
    /// How long one batch keeps the next from its turn. Child processes do the closing and go on beyond it.
    private static let patience: Int32 = 5000
    /// How many threads may be held at once.
    private static let mostThreads = 64

    private let table: ProbeTable
    private let queue = BlockingQueue<ProbeTable.Released>()
    private let threads = Mutex(0)

    init(table: ProbeTable) throws(SystemError) {
        self.table = table
        try Threads.start(name: "detach") { [queue] in
            while let released = queue.take() {
                // One that is held is never probed again: who knows what will be in it.
                if BPFLink.close(released.links, within: Self.patience) == released.links.count {
                    table.closed(released.identity)
                }
            }
        }
    }

    func close(_ released: ProbeTable.Released?) {
        if let released { queue.put(released) }
    }

    /// Closes the links of a file whose content is another by now, beside all that waits for its turn: as long as one is
    /// open, the kernel puts its breakpoint into whatever is there.
    func closeAtOnce(_ released: ProbeTable.Released) {
        let hasThread = threads.withLock { count in
            guard count < Self.mostThreads else { return false }
            count += 1
            return true
        }
        guard hasThread else { return close(released) }
        do throws(SystemError) {
            try Threads.startApart(name: "detach") { [self] in
                for link in released.links { link.close() }
                table.closed(released.identity)
                threads.withLock { $0 -= 1 }
            }
        } catch {
            threads.withLock { $0 -= 1 }
            close(released)
        }
    }

    /// Ends the thread. What waits for its turn is detached as its links go.
    func end() {
        queue.close()
    }
}
