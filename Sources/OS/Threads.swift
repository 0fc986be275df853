internal import CShims
internal import Glibc

/// Threads of our own, for work that waits in system calls and must not hold one of Swift's.
public enum Threads {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that ends with `body`; nothing waits for it.
    /// - Parameter name: At most 15 bytes, for `ps -T`.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let argument = Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                sniscope_name_thread(body.name)
                body.run()
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            throw SystemError("start the thread", name, code: code)
        }
        pthread_detach(thread)
    }

    /// Starts `body` on a thread of its own.
    /// - Returns: A function that waits for its end. To be called once.
    public static func begin<Value>(
        name: String, _ body: @escaping @Sendable () throws -> sending Value
    ) throws(SystemError) -> () throws -> sending Value {
        let result = BlockingQueue<Handover<Result<Value, any Error>>>()
        try start(name: name) { result.put(Handover(value: Result { try body() })) }
        return {
            // Only an end of the queue has nothing, and this one has none.
            guard let end = result.take() else { throw CancellationError() }
            return try end.value.get()
        }
    }

    /// Runs `body` on a thread of its own, and waits for its end without holding one of Swift's.
    public static func run<Value>(
        name: String, with value: sending Value, _ body: sending @escaping (inout Value) -> Void
    ) async throws(SystemError) -> sending Value {
        let begin = Handover(value: (value, body))
        let result = await withCheckedContinuation {
            (ended: CheckedContinuation<Handover<Result<Value, SystemError>>, _>) in
            do throws(SystemError) {
                try start(name: name) {
                    var (value, body) = begin.value
                    body(&value)
                    ended.resume(returning: Handover(value: .success(value)))
                }
            } catch {
                ended.resume(returning: Handover(value: .failure(error)))
            }
        }
        return try result.value.get()
    }

    private struct Handover<Value>: @unchecked Sendable {
        // Given up by the thread that makes it.
        let value: Value
    }

    /// Lets the calling thread rest, at least so long: for what can only be asked again and again.
    public static func sleep(milliseconds: UInt32) {
        var rest = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        var left = timespec()
        while nanosleep(&rest, &left) != 0 && errno == EINTR { rest = left }
    }

    /// Lets the calling thread rest for `times` as long as the work took that it began at `begun`, so that this work has
    /// no more than its share of a processor; at most a minute, whatever held the work up.
    /// - Parameter begun: CLOCK_MONOTONIC, nanoseconds.
    public static func rest(_ times: Int64, since begun: Int64) {
        sleep(milliseconds: rest(times, after: Clock.monotonic - begun))
    }

    /// - Parameter work: How long it took; nanoseconds.
    /// - Returns: Milliseconds.
    static func rest(_ times: Int64, after work: Int64) -> UInt32 {
        UInt32(clamping: min(min(work, longestRest) * times, longestRest) / 1_000_000)
    }

    /// Nanoseconds.
    private static let longestRest: Int64 = 60_000_000_000
}

/// A queue between threads: `take` waits until there is an element.
public final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    // `mutex` guards `elements`, `head` and `isClosed`; both live as long as this object, at one address.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements: [Element] = []
    /// The index of the first one that is left.
    private var head = 0
    private var isClosed = false

    private func removeFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        head += 1
        if head == elements.count || head > 1024 {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    public init() {
        pthread_mutex_init(mutex, nil)
        // By default it waits by the wall clock: a step of that would make a wait too long, or none.
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(arrived, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(mutex)
        arrived.deallocate()
        mutex.deallocate()
    }

    public var isEmpty: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return head == elements.count
    }

    public func put(_ element: Element) {
        pthread_mutex_lock(mutex)
        elements.append(element)
        pthread_cond_signal(arrived)
        pthread_mutex_unlock(mutex)
    }

    /// The oldest element; nil once the queue is closed, whatever is in it.
    public func take() -> Element? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isClosed {
            if let element = removeFirst() { return element }
            pthread_cond_wait(arrived, mutex)
        }
        return nil
    }

    /// All elements there are, once there is one; nil once the queue is closed.
    public func takeAll() -> [Element]? {
        guard let first = take() else { return nil }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var all = [first]
        while let element = removeFirst() { all.append(element) }
        return all
    }

    /// As `take()`; nil also where no element comes in time.
    public func take(within milliseconds: Int) -> Element? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = deadline.tv_nsec + milliseconds % 1000 * 1_000_000
        deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var isInTime = true
        while !isClosed {
            if let element = removeFirst() { return element }
            guard isInTime else { return nil }
            isInTime = pthread_cond_timedwait(arrived, mutex, &deadline) == 0
        }
        return nil
    }

    public func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(arrived)
        pthread_mutex_unlock(mutex)
    }
}
