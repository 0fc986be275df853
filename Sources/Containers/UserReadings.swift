internal import OS
internal import Synchronization

/// Reads what users keep, each of whom decides how long that takes. All are read side by side, and they are not waited
/// for longer than for a moment; a user who was not read in time is left out for a while.
final class UserReadings: Sendable {
    static let host = UserReadings()

    /// How long all are waited for; milliseconds. Also on a machine that is busy reading takes less.
    let patience: Int64
    /// How long a user who was late is left out; nanoseconds.
    private static let pause: Int64 = 10_000_000_000
    private static let mostThreads = 32

    private struct LateUser {
        /// Threads that still wait for his files.
        var threads: Int
        /// CLOCK_MONOTONIC, nanoseconds.
        var notBefore: Int64
    }

    private let late = Mutex<[UInt32: LateUser]>([:])

    init(patience: Int64 = 2000) {
        self.patience = patience
    }

    /// - Parameter body: Called on threads of this object's own, once for each user.
    /// - Returns: The results of those who were read in time.
    func results<Result: Sendable>(
        of users: [UInt32], within milliseconds: Int64? = nil, _ body: @escaping @Sendable (UInt32) -> Result
    ) -> [UInt32: Result] {
        let deadline = Clock.monotonic + (milliseconds ?? patience) * 1_000_000
        let admitted = late.withLock { late in
            users.filter { user in late[user].map { $0.threads == 0 && $0.notBefore < Clock.monotonic } ?? true }
        }
        let round = Round(admitted)
        let answers = BlockingQueue<(user: UInt32, result: Result)>()
        for _ in 0..<min(admitted.count, Self.mostThreads) {
            // Fewer threads take longer; without any nobody is read.
            try? Threads.start(name: "users") { [self] in
                while let user = round.next() {
                    let result = body(user)
                    // Before the last answer ends the round.
                    if round.end(user) { late.withLock { $0[user]?.threads -= 1 } }
                    answers.put((user, result))
                }
            }
        }
        var results: [UInt32: Result] = [:]
        while results.count < admitted.count {
            let left = (deadline - Clock.monotonic) / 1_000_000
            guard left > 0, let (user, result) = answers.take(within: Int(left)) else { break }
            results[user] = result
        }
        round.close { user in
            late.withLock { late in
                late[user] = LateUser(threads: (late[user]?.threads ?? 0) + 1, notBefore: deadline + Self.pause)
            }
        }
        return results
    }

    /// The users whom one call reads.
    private final class Round: Sendable {
        private struct State {
            var waiting: ArraySlice<UInt32>
            var begun: Set<UInt32> = []
            var isOver = false
        }

        private let state: Mutex<State>

        init(_ users: [UInt32]) {
            state = Mutex(State(waiting: users[...]))
        }

        /// - Returns: nil once nobody is left to read, or nobody waits for it any more.
        func next() -> UInt32? {
            state.withLock { state in
                guard !state.isOver, let user = state.waiting.popFirst() else { return nil }
                state.begun.insert(user)
                return user
            }
        }

        /// - Returns: Whether it took too long.
        func end(_ user: UInt32) -> Bool {
            state.withLock { state in
                state.begun.remove(user)
                return state.isOver
            }
        }

        /// - Parameter note: Called for the users who are being read still, before their `end`.
        func close(_ note: (UInt32) -> Void) {
            state.withLock { state in
                state.isOver = true
                for user in state.begun { note(user) }
            }
        }
    }
}
