internal import LibBPF
internal import OS
internal import Synchronization

/// Keeps the kernel ready to attach uprobes at once while new files are mapped.
///
/// It attaches and detaches under a lock that forks take for reading (`dup_mmap_sem`;
/// kernel/locking/percpu-rwsem.c). After a pause whoever takes it for writing waits for an RCU grace period, some 4 to
/// 20 ms, in which a program that has just been started makes its first call. There is no such wait within the grace
/// period after another one had it (kernel/rcu/sync.c): for a while, probes that nobody can run into come and go in a
/// file of our own.
final class QuickAttach: Sendable {
    /// After the last file that came; nanoseconds.
    private static let window: Int64 = 100_000_000
    /// Between an attachment and a detachment, and so on; milliseconds. A grace period is a timer tick at least, of 4 ms
    /// with most kernels.
    private static let interval: UInt32 = 8
    /// A detachment waits for some 25 to 80 ms.
    private static let mostOpen = 16
    /// Whoever holds the lock for longer than this forks a large process, and all other forks wait behind us:
    /// nanoseconds.
    private static let patience: Int64 = 20_000_000
    /// How long a thread waits for the next detachment before it ends; milliseconds.
    private static let idleTime = 1000

    private let method: UprobeMethod
    private let file: Descriptor
    private let calls = BlockingQueue<Void>()
    private let closing = BlockingQueue<[BPFLink]>()
    private let closers = Atomic(0)
    private let isClosed = Atomic(false)
    /// CLOCK_MONOTONIC, nanoseconds.
    private let end = Atomic<Int64>(0)
    private let isActive = Atomic(false)
    private let open = Atomic(0)

    init(_ method: UprobeMethod) throws(SystemError) {
        self.method = method
        file = try Descriptor.memoryFile(name: "sniscope", size: 1)
        try Threads.start(name: "quick attach") { [self] in
            guard let program = try? UprobeProgram.empty(method: method, eventType: method.eventType) else { return }
            while calls.take() != nil { run(program) }
        }
    }

    /// For a while from now on. Does not wait.
    func prepare() {
        end.store(Clock.monotonic + Self.window, ordering: .sequentiallyConsistent)
        if !isActive.exchange(true, ordering: .sequentiallyConsistent) { calls.put(()) }
    }

    func close() {
        end.store(0, ordering: .relaxed)
        isClosed.store(true, ordering: .relaxed)
        calls.close()
        closing.close()
    }

    private func run(_ program: UprobeProgram) {
        var isFirst = true
        while Clock.monotonic < end.load(ordering: .sequentiallyConsistent) {
            guard let took = attach(program), isFirst || took < Self.patience else {
                end.store(0, ordering: .relaxed)
                break
            }
            isFirst = false
        }
        isActive.store(false, ordering: .sequentiallyConsistent)
        if Clock.monotonic < end.load(ordering: .sequentiallyConsistent) { prepare() }
    }

    /// - Returns: How long it took, nanoseconds; nil where there is nothing to be gained.
    private func attach(_ program: UprobeProgram) -> Int64? {
        guard open.load(ordering: .relaxed) < Self.mostOpen else { return nil }
        let begun = Clock.monotonic
        guard let links = try? program.attach(path: file.path, points: [ProbePoint(offset: 0, cookie: 0)]) else {
            return nil
        }
        let took = Clock.monotonic - begun
        Threads.sleep(milliseconds: Self.interval)
        detach(links)
        Threads.sleep(milliseconds: Self.interval)
        return took
    }

    /// Side by side with those before.
    private func detach(_ links: [BPFLink]) {
        let count = open.add(1, ordering: .relaxed).newValue
        closing.put(links)
        if count > closers.load(ordering: .sequentiallyConsistent) { startCloser() }
    }

    /// A thread that ends when there has been nothing to do for some time.
    private func startCloser() {
        closers.add(1, ordering: .sequentiallyConsistent)
        do throws(SystemError) {
            try Threads.start(name: "quick detach") { [self] in
                while let links = closing.take(within: Self.idleTime) {
                    for link in links { link.close() }
                    open.subtract(1, ordering: .relaxed)
                }
                closers.subtract(1, ordering: .sequentiallyConsistent)
                // It came in between.
                if !closing.isEmpty, !isClosed.load(ordering: .relaxed) { startCloser() }
            }
        } catch {
            // No thread can be had just now: it is closed with the next one.
            closers.subtract(1, ordering: .sequentiallyConsistent)
        }
    }
}
