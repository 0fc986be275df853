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

    /// Whether a process is known as one, or does not answer now.
    public func isHeld(_ pid: Int32, within milliseconds: Int) -> Bool {
        if contains(pid) { return true }
        let owner = owner(pid)
        // As many of its owner's as may be keep threads waiting: it may be like them.
        guard shares.take(owner) else { return true }
        let question = Question()
        do throws(SystemError) {
            try Threads.start(name: "question") { [self] in
                HeldMemory.ask(pid)
                question.answer { known.withLock { _ = $0.remove(pid) } }
                shares.giveBack(owner)
            }
        } catch {
            // Nobody who could tell: it is asked anew when it matters.
            shares.giveBack(owner)
            return false
        }
        return !question.isAnswered(within: milliseconds) { known.withLock { _ = $0.insert(pid) } }
    }
}

/// A question to a process, which is waited for or not.
private final class Question: Sendable {
    private let isAnswered = Mutex(false)
    private let answers = BlockingQueue<Void>()

    /// - Parameter note: Done before anybody hears of it.
    func answer(_ note: () -> Void) {
        isAnswered.withLock { isAnswered in
            isAnswered = true
            note()
        }
        answers.put(())
    }

    /// - Parameter leave: Done where there is no answer in time, before one can come.
    func isAnswered(within milliseconds: Int, else leave: () -> Void) -> Bool {
        if milliseconds > 0, answers.take(within: milliseconds) != nil { return true }
        return isAnswered.withLock { isAnswered in
            if !isAnswered { leave() }
            return isAnswered
        }
    }
}
