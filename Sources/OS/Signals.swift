internal import CShims
internal import Glibc

/// Signals as values.
public enum Signals {
    public static let interrupt = SIGINT
    public static let quit = SIGQUIT
    public static let terminate = SIGTERM
    public static let hangUp = SIGHUP

    /// Takes over the signals that end a program, from now on; a hang-up that was ignored (nohup) stays so, unless it has
    /// a meaning of its own here. To be called once.
    ///
    /// Handlers, not `sigwait`: the main thread of an async program sleeps with all signals unblocked.
    /// - Parameter handler: Called on a thread of its own, with the signal's number.
    public static func handle(
        alsoIgnoredHangUp: Bool = false, _ handler: @escaping @Sendable (Int32) -> Void
    ) throws(SystemError) {
        let signals = [interrupt, quit, terminate, hangUp]
        let caught = sniscope_catch_signals(signals, signals.count, alsoIgnoredHangUp ? 0 : hangUp)
        guard caught >= 0 else { throw .last("handle", "signals") }
        try Threads.start(name: "signals") {
            var number: UInt8 = 0
            while retrying({ read(caught, &number, 1) }) == 1 { handler(Int32(number)) }
        }
    }

    /// A write to a closed pipe becomes an error instead of a signal.
    public static func ignoreClosedPipes() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Sends a signal to a process, or to a group by its number negated.
    /// - Returns: false where it is gone, which is no error.
    @discardableResult
    public static func send(_ signal: Int32, to pid: Int32) -> Bool { kill(pid, signal) == 0 }
}
