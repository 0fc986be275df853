internal import OS
internal import Processes
internal import Synchronization

/// Probes that are being attached. It may take the kernel long, and every fork of the host waits for it then: a process
/// has begun to hold its memory (`HeldMemory`) since it was asked.
final class Attachments: Sendable {
    private struct Attachment {
        let path: String
        let begun: Int64
        var isTold = false
    }

    /// Nanoseconds. An attachment takes 4 to 20 ms, or as long as a fork of the largest process.
    private static let patience: Int64 = 1_000_000_000

    private let open = Mutex<[Int32: Attachment]>([:])

    /// Does `body`, which attaches probes to the file at `path`.
    func during<Result>(_ path: String, _ body: () throws -> Result) rethrows -> Result {
        let thread = Threads.identifier
        open.withLock { $0[thread] = Attachment(path: path, begun: Clock.monotonic) }
        defer { open.withLock { $0[thread] = nil } }
        return try body()
    }

    /// Looks for the processes that the kernel waits for, on another thread.
    /// - Parameter tell: Is given what the user should know; once for each attachment that takes long.
    func check(_ tell: @escaping @Sendable (String) -> Void) {
        let overdue = open.withLock { open in
            let now = Clock.monotonic
            let late = open.filter { !$0.value.isTold && now - $0.value.begun > Self.patience }
            for thread in late.keys { open[thread]?.isTold = true }
            return late.values.map(\.path)
        }
        guard !overdue.isEmpty else { return }
        try? Threads.start(name: "held") {
            // Whoever maps the file in whatever way holds it up.
            let holders = HeldMemory.faulting((try? Processes.all()) ?? []).map(String.init).joined(separator: ", ")
            for path in overdue {
                tell(
                    "the kernel still attaches a probe to \(path), and no process of this host can be started meanwhile: "
                        + "\(holders.isEmpty ? "a process that maps it" : "process \(holders)") waits for a file that can't "
                        + "be read; end whoever serves that file, or leave \(path) out: `--exclude-binary \(path)`")
            }
        }
    }
}
