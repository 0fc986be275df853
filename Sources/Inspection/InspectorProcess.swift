internal import FoundationEssentials
public import OS
internal import Synchronization
public import TLSLibraries

/// A process that looks into files, and connections to it. One that crashes is replaced. To be made before this process
/// gives up its privileges: it takes some to become nobody.
public final class InspectorProcess: Sendable {
    private struct State {
        /// To the present one: for new connections.
        var control: MessageSocket?
        /// Connections that nobody uses, by the niceness of their threads; the one that was used last comes last.
        var free: [Int32: [(connection: Connection, since: Int64)]] = [:]
        /// Whether the present one has answered.
        var isUp = false
        var isClosed = false
        /// Why there is none, for good.
        var failure: SystemError?
        /// The signal of the last one's end.
        var lastSignal: Int32?
    }

    /// To a thread of the process.
    struct Connection: Sendable {
        let socket: MessageSocket
        let thread: Int32
    }

    private let state = Mutex(State())
    private let added: [UInt8]
    private let first: HelperProcess

    /// Milliseconds that a new process may take.
    private static let patience = 5000
    /// How many that end without an answer show that none will come up.
    private static let mostFailedStarts = 3

    public init(_ catalog: LibraryCatalog) throws(SystemError) {
        added = (try? JSONEncoder().encode(catalog.added)).map(Array.init) ?? []
        // At once: it comes up while this process does other things.
        first = try Self.start(added, state)
    }

    /// Waits for its end on a thread, which has the capabilities of the one that calls.
    /// - Parameter replacing: Whether another process takes its place.
    func supervise(replacing: Bool) throws(SystemError) {
        try Threads.start(name: "inspector") { [weak self, first] in
            var process: HelperProcess? = first
            var failedStarts = 0
            while let present = process {
                let signal = present.wait()
                guard let self else { return }
                failedStarts = self.state.withLock(\.isUp) ? 0 : failedStarts + 1
                process = self.replace(signal, replacing ? failedStarts < Self.mostFailedStarts : nil)
            }
        }
    }

    deinit {
        close()
    }

    /// The process ends with its last connection.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.control = nil
            state.free = [:]
        }
    }

    private static func start(
        _ added: [UInt8], _ state: borrowing Mutex<State>
    ) throws(SystemError) -> HelperProcess {
        let (ours, theirs) = try MessageSocket.pair()
        let process = try HelperProcess(InspectionServer.name, theirs)
        // A thread of its that is not to wait for its turn must not wait for the one that starts it.
        process.setHighPriority()
        try ours.send(added)
        state.withLock { $0.control = ours }
        return process
    }

    /// - Parameter mayRestart: nil: nobody wants another one.
    private func replace(_ signal: Int32?, _ mayRestart: Bool?) -> HelperProcess? {
        let isClosed = state.withLock { state in
            state.control = nil
            state.free = [:]
            state.isUp = false
            state.lastSignal = signal
            return state.isClosed
        }
        guard let mayRestart, !isClosed else { return nil }
        do throws(SystemError) {
            guard mayRestart else {
                throw SystemError("start", InspectionServer.name, code: 0, hint: "it ends at once.")
            }
            return try Self.start(added, state)
        } catch {
            state.withLock { $0.failure = error }
            return nil
        }
    }

    /// The signal that the last process died of; nil where it did not, or it is not known soon.
    var lastSignal: Int32? {
        for _ in 0..<Self.patienceWithEnd {
            if let signal = state.withLock({ $0.lastSignal }) { return signal }
            Threads.sleep(milliseconds: 1)
        }
        return nil
    }

    /// Milliseconds.
    private static let patienceWithEnd = 500

    /// A connection for a thread, whose priority it has.
    func connection() throws(SystemError) -> Connection {
        let niceness = Threads.niceness
        for _ in 0..<Self.patience {
            let (free, control, failure) = state.withLock {
                ($0.free[niceness]?.popLast()?.connection, $0.control, $0.failure)
            }
            if let free { return free }
            if let failure { throw failure }
            if let control, let connection = connect(control, niceness) {
                return connection
            }
            // It is being replaced.
            Threads.sleep(milliseconds: 1)
        }
        throw SystemError("start", InspectionServer.name, code: 0, hint: "it does not answer.")
    }

    private func connect(_ control: MessageSocket, _ niceness: Int32) -> Connection? {
        guard let socket = try? handOver(to: control, niceness), let greeting = try? socket.receiveBytes(),
            let thread = Int32(String(decoding: greeting, as: UTF8.self))
        else { return nil }
        state.withLock { $0.isUp = true }
        return Connection(socket: socket, thread: thread)
    }

    /// - Returns: Our end. The other one is not open here any more: where the process ends before it takes it, ours is at
    ///   its end, too.
    private func handOver(to control: MessageSocket, _ niceness: Int32) throws(SystemError) -> MessageSocket {
        let (ours, theirs) = try MessageSocket.pair()
        try control.send([UInt8(bitPattern: Int8(clamping: niceness))], socket: theirs)
        return ours
    }

    /// How long a connection is kept for the next question; nanoseconds.
    private static let idleTime: Int64 = 2_000_000_000

    /// Closes connections that nobody has used for some time. Does not wait.
    func closeIdle() {
        let now = Clock.monotonic
        state.withLock { state in
            state.free = state.free.mapValues { $0.filter { now - $0.since < Self.idleTime } }
        }
    }

    /// Takes a connection back whose last answer has come.
    func giveBack(_ connection: Connection) {
        let niceness = Threads.niceness
        state.withLock { state in
            guard !state.isClosed, state.control != nil else { return }
            state.free[niceness, default: []].append((connection, Clock.monotonic))
        }
    }
}
