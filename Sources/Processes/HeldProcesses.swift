internal import OS
internal import Synchronization

/// Processes that keep whoever asks the kernel for their mappings waiting, known from the first time on until they answer.
public final class HeldProcesses<Owner: Hashable & Sendable>: Sendable {
    /// Milliseconds.
    private let patience = 300

    private let owner: @Sendable (Int32) -> Owner
    private let shares: ThreadShares<Owner>
    /// By pid, whose they are. For each a thread waits until it answers.
    private let known = Mutex<[Int32: Owner]>([:])

    init(first: Owner, owner: @escaping @Sendable (Int32) -> Owner) {
        self.owner = owner
        shares = ThreadShares(first: first)
    }

    public var all: [Int32] { known.withLock { Array($0.keys) } }

    public func contains(_ pid: Int32) -> Bool { known.withLock { $0[pid] != nil } }

    /// Those of the users of a file that are none.
    public func answering(_ users: [ProcessScan.User]) -> [ProcessScan.User] {
        let known = known.withLock { $0 }
        return known.isEmpty ? users : users.filter { known[$0.pid] == nil }
    }

    /// Takes in processes that have given no answer elsewhere. Does not wait.
    public func note(_ pids: [Int32]) {
        for pid in pids {
            note(pid)
            // Nobody who could tell when it answers: it is asked anew when it matters.
            do throws(SystemError) {
                try Threads.start(name: "question") { [self] in
                    HeldMemory.ask(pid, nil)
                    forget(pid)
                }
            } catch {
                forget(pid)
            }
        }
    }

    /// Asks processes that may keep others waiting. Does not wait.
    public func askLater(_ pids: [Int32]) {
        try? Threads.start(name: "question") { [self] in
            _ = unanswering(pids.map { ($0, nil) }, within: patience)
        }
    }

    /// Those of the processes that don't answer; where there is no time to ask all, the first of the others counts as one.
    public func unanswering(_ users: [ProcessScan.User], within milliseconds: Int) -> [Int32] {
        unanswering(users.map { ($0.pid, $0.range) }, within: milliseconds)
    }

    /// Whether a process is known as one, or does not answer now.
    public func isHeld(_ pid: Int32, within milliseconds: Int) -> Bool {
        !unanswering([(pid, nil)], within: milliseconds).isEmpty
    }

    private func unanswering(_ users: [(pid: Int32, range: MappedRange?)], within milliseconds: Int) -> [Int32] {
        let end = Clock.monotonic + Int64(milliseconds) * 1_000_000
        var unanswering = known.withLock { known in users.map(\.pid).filter { known[$0] != nil } }
        var rest = users.filter { !unanswering.contains($0.pid) }[...]
        while let first = rest.first {
            let left = (end - Clock.monotonic) / 1_000_000
            guard left > 0 || unanswering.isEmpty else { return unanswering + [first.pid] }
            let question = Question(rest)
            do throws(SystemError) {
                try Threads.start(name: "question") { question.run { self.forget($0) } }
            } catch {
                return unanswering
            }
            guard question.isDone(within: Int(left)) == false, let (pid, others) = question.leave(note) else { break }
            unanswering.append(pid)
            rest = others
        }
        return unanswering
    }

    private func note(_ pid: Int32) {
        let owner = owner(pid)
        known.withLock { known in
            // Beyond its owner's share it is asked anew each time.
            guard known[pid] == nil, shares.take(owner) else { return }
            known[pid] = owner
        }
    }

    private func forget(_ pid: Int32) {
        if let owner = known.withLock({ $0.removeValue(forKey: pid) }) { shares.giveBack(owner) }
    }
}

/// Some processes that a thread asks one after the other.
private final class Question: Sendable {
    private struct State {
        var rest: ArraySlice<(pid: Int32, range: MappedRange?)>
        /// Nobody waits for the first one's answer any more.
        var isLeft = false
    }

    private let state: Mutex<State>
    private let ends = BlockingQueue<Void>()

    init(_ users: ArraySlice<(pid: Int32, range: MappedRange?)>) {
        state = Mutex(State(rest: users))
    }

    /// - Parameter forget: Is told of the process that has answered after all.
    func run(forget: (Int32) -> Void) {
        while let (pid, range) = state.withLock(\.rest.first) {
            HeldMemory.ask(pid, range)
            let isLeft = state.withLock { state in
                if state.isLeft { forget(pid) } else { state.rest.removeFirst() }
                return state.isLeft
            }
            if isLeft { return }
        }
        ends.put(())
    }

    func isDone(within milliseconds: Int) -> Bool { ends.take(within: max(milliseconds, 1)) != nil }

    /// Waits no more.
    /// - Returns: The process that has not answered, and those behind it; nil where all have meanwhile.
    func leave(_ note: (Int32) -> Void) -> (pid: Int32, others: ArraySlice<(pid: Int32, range: MappedRange?)>)? {
        state.withLock { state in
            guard let first = state.rest.first else { return nil }
            state.isLeft = true
            note(first.pid)
            return (first.pid, state.rest.dropFirst())
        }
    }
}
