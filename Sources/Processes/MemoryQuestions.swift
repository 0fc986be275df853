internal import OS
internal import Synchronization

/// Questions that are answered from the memory of processes or from files of their choice, which may let whoever reads
/// wait for as long as they like (userfaultfd(2), FUSE): each is asked on a thread of its own, and given up in time. What
/// one user leaves unanswered takes no room from others.
public final class MemoryQuestions: Sendable {
    /// Threads that hold questions. Whoever asks does so from fewer.
    private static let mostOfUser = 16
    private static let most = 256

    /// Processes that can't be asked just now.
    public let held = HeldProcesses()

    private let open = Mutex<[UInt32: Int]>([:])

    public init() {}

    /// - Parameter uid: Whose processes are asked.
    /// - Returns: nil where there is no answer within `milliseconds`, and where too many questions of this user have none.
    public func ask<Answer: Sendable>(
        _ uid: UInt32, within milliseconds: Int, _ question: @escaping @Sendable () -> Answer
    ) -> Answer? {
        begin(uid, question)?.answer(within: milliseconds)
    }

    /// A question whose answer is waited for later, or never.
    public struct Pending<Answer: Sendable>: Sendable {
        fileprivate let answers = BlockingQueue<Answer>()

        /// To be called once.
        /// - Returns: nil where there is none within `milliseconds` from now.
        public func answer(within milliseconds: Int) -> Answer? { answers.take(within: milliseconds) }
    }

    /// As `ask`, without the wait.
    public func begin<Answer: Sendable>(
        _ uid: UInt32, _ question: @escaping @Sendable () -> Answer
    ) -> Pending<Answer>? {
        guard begin(uid) else { return nil }
        let pending = Pending<Answer>()
        do throws(SystemError) {
            try Threads.start(name: "question") { [self] in
                defer { end(uid) }
                pending.answers.put(question())
            }
            return pending
        } catch {
            end(uid)
            return nil
        }
    }

    private func begin(_ uid: UInt32) -> Bool {
        open.withLock { open in
            guard open[uid, default: 0] < Self.mostOfUser, open.values.reduce(0, +) < Self.most else { return false }
            open[uid, default: 0] += 1
            return true
        }
    }

    private func end(_ uid: UInt32) {
        open.withLock { open in
            guard let count = open[uid] else { return }
            open[uid] = count > 1 ? count - 1 : nil
        }
    }
}
