/// What was shown before, to be shown once. Keeps hashes alone, of a bounded number: some 70 MB at most, however long the
/// keys are.
public struct SeenOnce {
    /// So many are remembered, and up to twice as many.
    public static let most = 1 << 20

    /// Two hashes of a key: among two million, two keys have the same by chance in one of 10^26 runs.
    private struct Mark: Hashable {
        let low: Int
        let high: Int

        init(_ key: some Hashable) {
            func hash(_ number: UInt8) -> Int {
                // The standard library seeds its hasher anew in each run: nobody can choose keys that collide.
                var hasher = Hasher()
                hasher.combine(number)
                hasher.combine(key)
                return hasher.finalize()
            }
            (low, high) = (hash(0), hash(1))
        }
    }

    private let most: Int
    private var recent: Set<Mark> = []
    private var older: Set<Mark> = []
    /// Whether keys were forgotten: they count as new again.
    public private(set) var hasForgotten = false

    public init(most: Int = most) {
        self.most = most
    }

    /// - Returns: Whether it is seen for the first time.
    public mutating func insert(_ key: some Hashable) -> Bool {
        let mark = Mark(key)
        guard !recent.contains(mark), !older.contains(mark) else { return false }
        if recent.count >= most {
            hasForgotten = hasForgotten || !older.isEmpty
            older = recent
            recent = []
        }
        recent.insert(mark)
        return true
    }
}
