internal import LibBPF
internal import OS
internal import Synchronization

/// Takes the probes out of files that are modified, at once: as long as they are there, the kernel puts its breakpoint
/// into whatever is at their offsets by now, in each process that maps the file. The thread that hears of it does so
/// itself, before anything else that wants a processor. It may be held by a traced process; another one listens then.
///
/// The kernel takes the breakpoint's reason away before it begins to wait. Measured on two processors with Linux 6.18, by
/// mapping the file again and again after a write to it (45 times, 20 of them with four busy processes beside it): the
/// last mapping with a breakpoint in it began before the write had returned (36), or 0.03 ms after it at worst; on an
/// ordinary thread it was 5 ms, and 18 ms beside busy processes. With `--attach perf` this kernel waits first: mostly 16 to
/// 36 ms, more than 100 ms in three of ten. Before Linux 6.12 a call that is being recorded holds it up.
final class ModificationThreads: Sendable {
    private enum Tag {
        static let modifications: UInt32 = 0
        static let end: UInt32 = 1
    }

    /// That listen, where none is held.
    private static let listeners = 2
    private static let mostThreads = 64

    private struct Counts {
        var all = 0
        var listening = 0
    }

    private let monitor: ModificationMonitor
    private let table: ProbeTable
    private let closer: LinkCloser
    private let end: WakeUp
    private let report: @Sendable (ProbeTable.Modified) -> Void
    private let threads = Mutex(Counts())

    /// - Parameter report: Called on one of the threads.
    init(
        _ monitor: ModificationMonitor, table: ProbeTable, closer: LinkCloser,
        report: @escaping @Sendable (ProbeTable.Modified) -> Void
    ) throws(SystemError) {
        self.monitor = monitor
        self.table = table
        self.closer = closer
        self.report = report
        end = try WakeUp()
        for _ in 0..<Self.listeners { try startThread() }
    }

    /// Ends those that are not held.
    func close() {
        end.signal()
    }

    private func startThread() throws(SystemError) {
        threads.withLock { threads in
            threads.all += 1
            threads.listening += 1
        }
        do throws(SystemError) {
            try Threads.start(name: "changes") { [self] in
                Threads.preemptOthers()
                listen()
                threads.withLock { threads in
                    threads.all -= 1
                    threads.listening -= 1
                }
            }
        } catch {
            threads.withLock { threads in
                threads.all -= 1
                threads.listening -= 1
            }
            throw error
        }
    }

    private func listen() {
        do throws(SystemError) {
            let poller = try Poller()
            try poller.add(monitor.descriptor, tag: Tag.modifications)
            try poller.add(end.descriptor, tag: Tag.end)
            while true {
                let tags = try poller.wait(milliseconds: -1)
                if tags.contains(Tag.end) { return }
                let modified = monitor.drain().flatMap(table.modified)
                // Another one had it.
                guard !modified.isEmpty else { continue }
                for file in modified { report(file) }
                letGo(modified.compactMap(\.released))
                guard threads.withLock({ $0.listening <= Self.listeners }) else { return }
            }
        } catch {
            // Out of descriptors: the others go on listening.
        }
    }

    private func letGo(_ released: [ProbeTable.Released]) {
        guard let first = released.first else { return }
        let isAlone = threads.withLock { threads in
            threads.listening -= 1
            return threads.listening == 0 && threads.all < Self.mostThreads
        }
        // Out of threads: those that are held are the last.
        if isAlone { try? startThread() }
        for further in released.dropFirst() { closer.closeAtOnce(further) }
        closer.closeHere(first)
        threads.withLock { $0.listening += 1 }
    }
}
