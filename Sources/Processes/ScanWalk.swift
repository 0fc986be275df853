internal import OS
internal import Synchronization

/// Reads the maps of processes, on some threads. A process can have the kernel wait with whoever asks for its maps, for as
/// long as it likes (a page fault in a file of a FUSE daemon's, while another thread waits to map something): that costs a
/// thread, and the process is left out.
struct ScanWalk {
    private let parts: [Part]
    private let ended = BlockingQueue<Int>()

    /// A thread for fewer processes costs more than it saves.
    private static let smallestPart = 64
    private static let mostThreads = 4
    /// How often it is looked after the threads, milliseconds, and how often one may be found asleep at the same place.
    private static let interval = 100
    private static let patience = 4

    init(_ pids: [Int32], asking: Bool) {
        let count = min(max(pids.count / Self.smallestPart, 1), Self.mostThreads, Host.processorCount)
        parts = (0..<count).map { part in
            Part(pids[(pids.count * part / count)..<(pids.count * (part + 1) / count)], asking: asking)
        }
    }

    func run() -> ProcessScan {
        for index in parts.indices { start(index) }
        var unfinished = Set(parts.indices)
        while !unfinished.isEmpty {
            if let index = ended.take(within: Self.interval) {
                unfinished.remove(index)
                continue
            }
            for index in unfinished where parts[index].isStuck(after: Self.patience) {
                parts[index].leaveOut()
                start(index)
            }
        }
        var scan = ProcessScan()
        for part in parts { scan.add(part.result) }
        return scan
    }

    private func start(_ index: Int) {
        let (part, ended) = (parts[index], ended)
        let turn = part.turn
        let walk = { @Sendable in if part.walk(turn) { ended.put(index) } }
        do throws(SystemError) {
            try Threads.start(name: "scan", walk)
        } catch {
            // No thread can be had just now.
            walk()
        }
    }
}

/// Some of the processes, one after the other, by one thread at a time.
private final class Part: Sendable {
    private struct State {
        var scan = ProcessScan()
        var pids: ArraySlice<Int32>
        /// Whose maps are being read.
        var pid: Int32?
        /// Which thread it is, counted from 0: one that was left because of a process does no more.
        var turn = 0
        var thread: Int32?
        /// How many answers the kernel has given.
        var answers = 0
        /// How many there were when it was asked last whether the thread goes on, and how often it had slept.
        var lastAnswers = 0
        var sleeps = 0
        /// Whether the kernel can be asked for single mappings.
        var asking: Bool
    }

    private let state: Mutex<State>

    init(_ pids: ArraySlice<Int32>, asking: Bool) {
        state = Mutex(State(pids: pids, asking: asking))
    }

    var turn: Int { state.withLock(\.turn) }

    var result: ProcessScan { state.withLock(\.scan) }

    /// - Returns: Whether it came to its end, and no other thread has taken over.
    func walk(_ turn: Int) -> Bool {
        var maps: [UInt8] = []
        update(turn) { $0.thread = Threads.identifier }
        while let (pid, asking) = next(turn) {
            do throws(SystemError) {
                if asking, try ask(pid, turn) { continue }
                try Files.read("/proc/\(pid)/maps", limit: ProcessScan.largestMaps, into: &maps)
                update(turn) { $0.scan.add(maps, of: pid) }
            } catch {
                if !error.isNotFound { update(turn) { $0.scan.refuse(error, of: pid) } }
            }
        }
        return self.turn == turn
    }

    private func next(_ turn: Int) -> (Int32, asking: Bool)? {
        state.withLock { state in
            guard state.turn == turn else { return nil }
            state.answers += 1
            state.pid = state.pids.popFirst()
            return state.pid.map { ($0, state.asking) }
        }
    }

    /// - Returns: nil where another thread has taken over.
    @discardableResult
    private func update<Result: Sendable>(_ turn: Int, _ body: (inout State) -> Result) -> Result? {
        state.withLock { state in
            guard state.turn == turn else { return nil }
            state.answers += 1
            return body(&state)
        }
    }

    /// - Returns: false where the kernel can't be asked.
    private func ask(_ pid: Int32, _ turn: Int) throws(SystemError) -> Bool {
        let query = try MappingQuery(pid: pid)
        var address: UInt64 = 0
        // Asked with the first mapping: a thread of the kernel has none.
        var first: ProcessScan.User?
        do throws(SystemError) {
            while let mapping = try query.next(from: address) {
                let identity = FileIdentity(device: mapping.device, inode: mapping.inode)
                let name = state.withLock { $0.scan.isNew(identity) } ? query.name(of: mapping) : []
                let range = MappedRange(start: mapping.start, end: mapping.end, offset: mapping.offset)
                let user = ProcessScan.User(
                    pid: pid, range: range, mayBeInFault: first?.mayBeInFault ?? HeldMemory.isInFault(pid))
                first = first ?? user
                update(turn) { $0.scan.add(user, of: identity) { MapsParser.path(ofName: name[...]) } }
                guard mapping.end > address else { break }
                address = mapping.end
            }
        } catch {
            guard error.isUnknownRequest else { throw error }
            update(turn) { $0.asking = false }
            return false
        }
        update(turn) { $0.scan.countProcess() }
        // Since Linux 6.17 the maps tell whatever holds the process up, and the question after one of them waits.
        if let first, first.mayBeInFault { HeldMemory.ask(pid) }
        return true
    }

    /// Whether its thread has slept in the kernel for some time without an answer. To be asked now and then.
    func isStuck(after patience: Int) -> Bool {
        state.withLock { state in
            defer { state.lastAnswers = state.answers }
            guard let thread = state.thread, state.answers == state.lastAnswers, Threads.isAsleep(thread) else {
                state.sleeps = 0
                return false
            }
            state.sleeps += 1
            return state.sleeps >= patience
        }
    }

    /// Goes on, by another thread, with the process after the one that holds this one.
    func leaveOut() {
        state.withLock { state in
            state.turn += 1
            state.thread = nil
            state.sleeps = 0
            if let pid = state.pid { state.scan.note(unanswered: pid) }
        }
    }
}
