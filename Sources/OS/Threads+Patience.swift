extension Threads {
    /// Does `body` on a thread of its own and waits for it.
    /// - Returns: nil where it takes longer than `milliseconds`; it goes on then, and nobody hears of it.
    public static func result<Result: Sendable>(
        within milliseconds: Int, of body: @escaping @Sendable () -> Result
    ) throws(SystemError) -> Result? {
        let results = BlockingQueue<Result>()
        try start(name: "patience") { results.put(body()) }
        return results.take(within: milliseconds)
    }

    /// As `result(within:of:)`, for work that may take any time as long as it goes on.
    /// - Returns: nil where the thread has neither computed nor read anything for `milliseconds`.
    public static func result<Result: Sendable>(
        idleFor milliseconds: Int, of body: @escaping @Sendable () -> Result
    ) throws(SystemError) -> Result? {
        let threads = BlockingQueue<Int32>()
        let results = BlockingQueue<Result>()
        try start(name: "patience") {
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
}
