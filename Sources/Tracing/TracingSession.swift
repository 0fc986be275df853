internal import Containers
public import LibBPF
public import OS
internal import Synchronization

/// A tracing session: it watches what is mapped, probes the TLS libraries in it, and streams the names asked for.
public final class TracingSession: Sendable {
    /// What it uses of this kernel.
    public let means: Means

    /// By what means a session traces.
    public struct Means: Sendable {
        /// How uprobes are attached.
        public let method: UprobeMethod
        /// Names on pages that are not in memory yet are read (Linux 6.0).
        public let readsAbsentPages: Bool
        /// New mappings are reported by perf events; else by a BPF program, which needs fewer privileges.
        public let usesPerfEvents: Bool
    }

    private let mailbox: Mailbox<EventLoop.Message>
    private let queue = ItemQueue()
    private let result: Mutex<Result<SessionSummary, any Error>?>
    private let watchers: [Task<Void, Never>]
    private let closing: Closing

    /// What is to be closed at the end.
    private struct Closing: @unchecked Sendable {
        // Read by `finish` only, after the event loop's thread has ended.
        let program: TracerProgram
        let tracepoints: [BPFLink]
        let table: ProbeTable
        let pool: ProbePool
        let closer: LinkCloser
        let modifications: ModificationThreads?
        let monitors: MonitorReader
        let cgroups: CgroupReader
    }

    /// Loads the BPF programs and begins to trace; what `reports` gives tells when everything that runs is probed.
    /// - Throws: `HostLimitation`, `BPFError`, `SystemError`, `SessionError`; `ELFError` for a target that is no ELF
    ///   file.
    public init(options: SessionOptions) throws {
        let mailbox = try Mailbox<EventLoop.Message>()
        let parts = try SessionParts(options: options, mailbox: mailbox)
        means = Means(
            method: parts.program.uprobe.method, readsAbsentPages: parts.program.isSleepable,
            usesPerfEvents: parts.mappings?.usesPerfEvents ?? false)
        self.mailbox = mailbox
        closing = Closing(
            program: parts.program, tracepoints: parts.tracepoints, table: parts.table, pool: parts.pool,
            closer: parts.closer, modifications: parts.modifications, monitors: parts.monitors, cgroups: parts.cgroups)
        watchers = parts.dockerSockets.map { socket in
            Task {
                await DockerWatcher(client: DockerClient(socket: socket)) { mailbox.post(.docker($0)) }.run()
            }
        }
        result = Mutex(nil)
        let handover = Handover(parts)
        try Threads.start(name: "events") { [self, queue] in
            let result = Result {
                let parts = handover.parts
                return try EventLoop(parts: parts, mailbox: mailbox, output: Output(queue)).run(jobs: parts.jobs)
            }
            self.result.withLock { $0 = result }
            queue.finish()
        }
    }

    /// Moves what belongs to one thread to that thread.
    private struct Handover: @unchecked Sendable {
        // Given up by the thread that makes it when the other one starts.
        let parts: SessionParts

        init(_ parts: SessionParts) {
            self.parts = parts
        }
    }

    /// Hands what the session reports to `body`, in batches, until its end after `stop`; on a thread of its own. To be
    /// called once.
    public func report<Value>(
        into value: sending Value, _ body: sending @escaping (inout Value, [SessionItem]) -> Void
    ) async throws(SystemError) -> sending Value {
        try await Threads.run(name: "output", with: value) { [queue] value in
            Threads.prefer(niceness: EventLoop.niceness)
            while let batch = queue.next() { body(&value, batch) }
        }
    }

    /// Ends the reports soon; from any thread, any number of times.
    public func stop() {
        mailbox.post(.stop)
    }

    /// What the session did. To be called once `report` has ended.
    /// - Throws: what ended the session, if anything did.
    public func summary() throws -> SessionSummary {
        try result.withLock { $0 }?.get() ?? SessionSummary()
    }

    /// Takes the probes out, side by side, and waits at most `milliseconds` for it. To be called once, last: what a
    /// traced process holds by then goes on being closed after this process has ended.
    /// - Returns: How many probed files were not released in time, and the processes that hold them.
    public func close(within milliseconds: Int32 = 1000) -> (unclosed: Int, holders: [UInt32]) {
        for watcher in watchers { watcher.cancel() }
        closing.pool.close()
        closing.closer.end()
        closing.modifications?.close()
        closing.monitors.close()
        closing.cgroups.close()
        let links = closing.table.takeLinks() + closing.tracepoints
        let count = links.count
        let closed = BPFLink.close(links, within: milliseconds)
        return (count - closed, closed < count ? closing.program.holders() : [])
    }
}
