internal import OS
internal import Synchronization

/// Questions that are answered from the memory of processes or from files of their choice, which may let whoever reads
/// wait for as long as they like (userfaultfd(2), FUSE): each is asked on a thread of its own, and given up in time. What
/// one owner's processes leave unanswered takes no room from others.
public final class MemoryQuestions<Owner: Hashable & Sendable>: Sendable {
    /// Processes that can't be asked just now.
    public let held: HeldProcesses<Owner>

    private let owner: @Sendable (Int32) -> Owner
    private let shares: ThreadShares<Owner>

    /// - Parameters:
    ///   - first: Whose share is there whatever others use.
    ///   - owner: Whose a process is.
    public init(first: Owner, owner: @escaping @Sendable (_ pid: Int32) -> Owner) {
        self.owner = owner
        shares = ThreadShares(first: first)
        held = HeldProcesses(first: first, owner: owner)
    }

    public func owner(of pid: Int32) -> Owner { owner(pid) }

    /// - Parameter pid: The process that is asked.
    /// - Returns: nil where there is no answer within `milliseconds`, and where too many questions of its owner have none.
    public func ask<Answer: Sendable>(
        _ pid: Int32, within milliseconds: Int, _ question: @escaping @Sendable () -> Answer
    ) -> Answer? {
        begin(owner(pid), question)?.answer(within: milliseconds)
    }

    /// As `ask`, of some of an owner's processes and without the wait.
    public func begin<Answer: Sendable>(
        _ owner: Owner, _ question: @escaping @Sendable () -> Answer
    ) -> PendingAnswer<Answer>? {
        shares.begin(owner, question)
    }
}

/// The answer to a question, which is waited for later, or never.
public struct PendingAnswer<Answer: Sendable>: Sendable {
    fileprivate let answers = BlockingQueue<Answer>()

    /// - Returns: nil where there is none within `milliseconds` from now, and where it was given before.
    public func answer(within milliseconds: Int) -> Answer? { answers.take(within: milliseconds) }
}

/// The threads that ask, of which each owner has some.
final class ThreadShares<Owner: Hashable & Sendable>: Sendable {
    private let first: Owner
    private let counts = Mutex<[Owner: Int]>([:])

    private let mostOfOwner = 16
    private let most = 256

    init(first: Owner) { self.first = first }

    /// Asks on a thread of the owner's.
    /// - Parameter finally: Done once the answer can be had.
    /// - Returns: nil where the owner has no thread left, and where none can be started.
    func begin<Answer: Sendable>(
        _ owner: Owner, _ question: @escaping @Sendable () -> Answer, finally: @escaping @Sendable () -> Void = {}
    ) -> PendingAnswer<Answer>? {
        guard take(owner) else { return nil }
        let pending = PendingAnswer<Answer>()
        do throws(SystemError) {
            try Threads.start(name: "question") { [self] in
                pending.answers.put(question())
                finally()
                giveBack(owner)
            }
            return pending
        } catch {
            giveBack(owner)
            return nil
        }
    }

    private func take(_ owner: Owner) -> Bool {
        counts.withLock { counts in
            guard counts[owner, default: 0] < mostOfOwner,
                owner == first || counts.values.reduce(0, +) < most
            else { return false }
            counts[owner, default: 0] += 1
            return true
        }
    }

    private func giveBack(_ owner: Owner) {
        counts.withLock { counts in
            guard let count = counts[owner] else { return }
            counts[owner] = count > 1 ? count - 1 : nil
        }
    }
}
