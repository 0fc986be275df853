internal import CShims
internal import Glibc

extension Threads {
    /// Starts a thread that ends with `body`, as `start` does, for work that the kernel may never let go of: a request
    /// to a FUSE daemon that hangs can't be interrupted, and a process with such a thread has not ended for whoever
    /// waits for it. This thread belongs to another process, one for all of them, which has the memory and the
    /// descriptors of this one and ends after it, as soon as it can. Where no such process can be made it is a thread
    /// of this one.
    public static func startApart(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        guard let apart else { return try start(name: name, body) }
        try apart.start(name: name, body)
    }

    /// Does `body` on such a thread and waits for it.
    /// - Returns: nil where it takes longer than `milliseconds`; it goes on then, and nobody hears of it.
    public static func apart<Result: Sendable>(
        within milliseconds: Int, _ body: @escaping @Sendable () -> Result
    ) throws(SystemError) -> Result? {
        let results = BlockingQueue<Result>()
        try startApart(name: "apart") { results.put(body()) }
        return results.take(within: milliseconds)
    }

    /// As `apart(within:)`, for work that may take any time as long as it goes on.
    /// - Returns: nil where the thread has neither computed nor read anything for `milliseconds`.
    public static func apart<Result: Sendable>(
        idleFor milliseconds: Int, _ body: @escaping @Sendable () -> Result
    ) throws(SystemError) -> Result? {
        let threads = BlockingQueue<Int32>()
        let results = BlockingQueue<Result>()
        try startApart(name: "apart") {
            threads.put(identifier)
            results.put(body())
        }
        let thread = threads.take(within: milliseconds)
        var progress = thread.flatMap { Progress(of: $0) }
        while true {
            if let result = results.take(within: milliseconds) { return result }
            let now = thread.flatMap { Progress(of: $0) }
            guard now != progress else { return nil }
            progress = now
        }
    }

    private static let apart = Apart()

    /// The other process, seen from this one.
    private final class Apart: Sendable {
        private struct Request: Sendable {
            let name: String
            let body: @Sendable () -> Void
            let reply: BlockingQueue<SystemError?>
        }

        private let requests = BlockingQueue<Request>()

        /// nil where it can't be made.
        init?() {
            let isThere = BlockingQueue<Bool>()
            let requests = requests
            let servant = Servant {
                isThere.put(true)
                while let request = requests.take() {
                    do throws(SystemError) {
                        try Threads.start(name: request.name, request.body)
                        request.reply.put(nil)
                    } catch {
                        request.reply.put(error)
                    }
                }
            }
            do throws(SystemError) {
                try Threads.start(name: "apart") {
                    let status = sniscope_run_apart(
                        { argument in
                            guard let argument else { return nil }
                            Unmanaged<Servant>.fromOpaque(argument).takeRetainedValue().run()
                            return nil
                        }, Unmanaged.passRetained(servant).toOpaque())
                    // It ends before this process only if it crashes, with locks held that this one waits for.
                    if status != -1 { abort() }
                    isThere.put(false)
                }
            } catch {
                return nil
            }
            guard isThere.take() == true else { return nil }
        }

        func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
            let reply = BlockingQueue<SystemError?>()
            requests.put(Request(name: name, body: body, reply: reply))
            if let failure = reply.take() ?? nil { throw failure }
        }
    }

    private final class Servant: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }
}
