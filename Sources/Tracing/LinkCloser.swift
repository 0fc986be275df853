internal import LibBPF
internal import OS

/// Takes probes out while the session goes on. The kernel waits for its own read sections at each (some 50 ms), and a
/// traced process whose memory does not answer can hold one for ever: nobody else waits for that.
final class LinkCloser: Sendable {
    /// How long one batch keeps the next from its turn. Child processes do the closing and go on beyond it.
    private static let patience: Int32 = 5000

    private let queue = BlockingQueue<[BPFLink]>()

    init() throws(SystemError) {
        try Threads.start(name: "detach") { [queue] in
            while let links = queue.take() {
                _ = BPFLink.close(links, within: Self.patience)
            }
        }
    }

    func close(_ links: [BPFLink]) {
        if !links.isEmpty { queue.put(links) }
    }

    /// Ends the thread. What waits for its turn is detached as its links go.
    func end() {
        queue.close()
    }
}
