internal import Glibc

/// Signals as values. `block` comes before the first thread starts, so that all threads inherit it.
public enum Signals {
    public static let interrupt = SIGINT
    public static let quit = SIGQUIT
    public static let terminate = SIGTERM
    public static let hangUp = SIGHUP
    public static let user1 = SIGUSR1
    public static let user2 = SIGUSR2

    /// Keeps the signals for `watch`. A write to a closed pipe becomes an error instead of a signal.
    public static func block(_ signals: [Int32]) {
        signal(SIGPIPE, SIG_IGN)
        var set = mask(of: signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls `handler` on a thread of its own for each of the blocked signals that arrives.
    public static func watch(
        _ signals: [Int32], _ handler: @escaping @Sendable (Int32) -> Void
    ) throws(SystemError) {
        try Threads.start(name: "signals") {
            var set = mask(of: signals)
            while true {
                var received: Int32 = 0
                if sigwait(&set, &received) == 0 { handler(received) }
            }
        }
    }

    /// Sends a signal to a process; one that is gone is no error.
    public static func send(_ signal: Int32, to pid: Int32) {
        kill(pid, signal)
    }

    private static func mask(of signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }
}
