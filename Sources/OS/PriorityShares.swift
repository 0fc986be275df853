/// Which of the threads that ask for high priority have it: a number at a time, and now and then others for a moment,
/// when much comes at once.
struct PriorityShares: Sendable {
    enum Share: Sendable {
        case steady
        /// One of the others. Its time counts.
        case burst
    }

    /// How many have it at a time.
    private let most: Int
    /// When they took it. CLOCK_MONOTONIC, nanoseconds, as all times here.
    private var steady: [Int64] = []
    /// Nanoseconds for all others together.
    private var left = Self.longestBurst
    private var filledAt: Int64

    /// Of all others together.
    static let longestBurst: Int64 = 1_000_000_000
    /// What each of them is expected to take, which nobody else may have meanwhile.
    static let expected: Int64 = 100_000_000
    /// Of so many nanoseconds, one is added to what is left.
    static let refill: Int64 = 10
    /// Nobody works for longer. Whoever takes longer waits for something, and for no processor.
    static let longest: Int64 = 2_000_000_000

    init(most: Int, at now: Int64) {
        self.most = most
        filledAt = now
    }

    /// - Returns: nil for none.
    mutating func take(at now: Int64) -> Share? {
        steady.removeAll { now - $0 > Self.longest }
        guard steady.count >= most else {
            steady.append(now)
            return .steady
        }
        left = min(left + (now - filledAt) / Self.refill, Self.longestBurst)
        filledAt = now
        guard left >= Self.expected else { return nil }
        left -= Self.expected
        return .burst
    }

    /// - Parameter begun: When it was taken.
    mutating func giveBack(_ share: Share, begun: Int64, now: Int64) {
        switch share {
        case .steady: if let index = steady.firstIndex(of: begun) { steady.remove(at: index) }
        case .burst: left += Self.expected - min(now - begun, Self.longest)
        }
    }
}
