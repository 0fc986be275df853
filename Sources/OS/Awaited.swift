internal import Glibc

/// A value that threads share, and whose changes they wait for. They wait in groups: a change is to wake whoever can do
/// something about it, not all that wait, who would take the processors from it.
public final class Awaited<Value>: @unchecked Sendable {
    // `mutex` guards `value` and `isClosed`; it and `groups` live as long as this object, at one address.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let groups: UnsafeMutableBufferPointer<pthread_cond_t>
    private var value: Value
    private var isClosed = false

    public init(_ value: sending Value, groups count: Int) {
        self.value = value
        groups = .allocate(capacity: count)
        pthread_mutex_init(mutex, nil)
        for group in groups.indices { pthread_cond_init(&groups[group], nil) }
    }

    deinit {
        for group in groups.indices { pthread_cond_destroy(&groups[group]) }
        pthread_mutex_destroy(mutex)
        groups.deallocate()
        mutex.deallocate()
    }

    /// Waits until `take` finds what it wants, as a thread of one group.
    /// - Returns: nil once there is nothing more to wait for.
    public func wait<Result>(inGroup group: Int, _ take: (inout Value) -> Result?) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isClosed {
            if let result = take(&value) { return result }
            pthread_cond_wait(&groups[group], mutex)
        }
        return nil
    }

    /// Changes the value.
    /// - Parameter change: Returns how many of each group are to look at it.
    public func change<Result>(_ change: (inout Value) -> (result: Result, waking: [Int])) -> Result {
        pthread_mutex_lock(mutex)
        let (result, waking) = change(&value)
        // Those that are woken want it.
        pthread_mutex_unlock(mutex)
        for (group, count) in zip(groups.indices, waking) {
            for _ in 0..<min(count, Self.mostWoken) { pthread_cond_signal(&groups[group]) }
        }
        return result
    }

    /// More threads than ever wait.
    private static var mostWoken: Int { 64 }

    /// Lets nobody wait any more.
    public func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        for group in groups.indices { pthread_cond_broadcast(&groups[group]) }
        pthread_mutex_unlock(mutex)
    }
}
