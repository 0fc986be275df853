internal import OS
internal import Synchronization

/// Processes that keep whoever asks the kernel for their mappings waiting, known from the first time on until they answer.
public final class HeldProcesses<Owner: Hashable & Sendable>: Sendable {
    private let owner: @Sendable (Int32) -> Owner
    private let shares: ThreadShares<Owner>
    /// For each a thread waits until it answers.
    private let known = Mutex<Set<Int32>>([])

    init(first: Owner, owner: @escaping @Sendable (Int32) -> Owner) {
        self.owner = owner
        shares = ThreadShares(first: first)
    }

    public var all: Set<Int32> { known.withLock { $0 } }

    public func contains(_ pid: Int32) -> Bool { known.withLock { $0.contains(pid) } }

    /// Those of the users of a file that are none.
    public func answering(_ users: [ProcessScan.User]) -> [ProcessScan.User] {
        let known = all
        return known.isEmpty ? users : users.filter { !known.contains($0.pid) }
    }

    /// Takes in processes that have given no answer elsewhere. Does not wait.
    public func note(_ pids: [Int32]) {
        for pid in pids { _ = isHeld(pid, within: 0) }
    }

    /// Asks processes that may keep others waiting. Does not wait.
    public func askLater(_ pids: [Int32]) {
        let patience = 300
        try? Threads.start(name: "held") { [self] in
            for pid in pids { _ = isHeld(pid, within: patience) }
        }
    }

    /// Whether a process is known as one, or does not answer now; also where there is nobody to ask it.
    public func isHeld(_ pid: Int32, within milliseconds: Int) -> Bool {
        if contains(pid) { return true }
        let forget = { @Sendable [self] in known.withLock { _ = $0.remove(pid) } }
        // As many of its owner's as may be keep threads waiting: it may be like them.
        guard let question = shares.begin(owner(pid), { HeldMemory.ask(pid) }, finally: forget) else { return true }
        if question.answer(within: milliseconds) != nil { return false }
        known.withLock { _ = $0.insert(pid) }
        // One that comes later than this finds it noted.
        guard question.answer(within: 0) != nil else { return true }
        forget()
        return false
    }
}
