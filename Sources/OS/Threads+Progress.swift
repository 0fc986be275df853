internal import CShims
internal import Synchronization

extension Threads {
    /// How far a thread of ours has come: another value after each clock tick of processor time and each read.
    public struct Progress: Equatable, Sendable {
        private var ticks: String
        private var bytesRead: String

        /// - Parameter thread: From `identifier`.
        /// - Returns: Nil for one that has ended. Of one that waits for another, both count.
        public init?(of thread: Int32) {
            self.init(ofThreadAlone: thread)
            if let other = Threads.awaited.withLock({ $0[thread] }), let progress = Progress(ofThreadAlone: other) {
                ticks += " " + progress.ticks
                bytesRead += " " + progress.bytesRead
            }
        }

        private init?(ofThreadAlone thread: Int32) {
            // utime and stime.
            guard let fields = Threads.status(of: thread), fields.count > 13 else { return nil }
            ticks = "\(fields[12]) \(fields[13])"
            // Without CONFIG_TASK_IO_ACCOUNTING there is none.
            let io = (try? String(decoding: Files.read("\(Threads.folder(of: thread))/io"), as: UTF8.self)) ?? ""
            bytesRead = io.split(separator: "\n").first { $0.hasPrefix("rchar:") }.map(String.init) ?? ""
        }
    }

    /// Below the thread's own number alone: /proc/TID/stat adds up all threads of its process.
    private static func folder(of thread: Int32) -> String { "/proc/\(thread)/task/\(thread)" }

    /// The fields of proc_pid_stat(5) behind the name, which may hold anything: the first one is a parenthesis.
    private static func status(of thread: Int32) -> [Substring]? {
        guard let stat = try? String(decoding: Files.read("\(folder(of: thread))/stat"), as: UTF8.self),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        return stat[end...].split(separator: " ")
    }

    /// Whether a thread waits in the kernel just now, for whatever it may be.
    public static func isAsleep(_ thread: Int32) -> Bool {
        guard let fields = status(of: thread), fields.count > 1 else { return false }
        return fields[1] == "S" || fields[1] == "D"
    }

    /// Threads that wait for one of another process, and that one.
    private static let awaited = Mutex<[Int32: Int32]>([:])

    /// Does `body`, in which the calling thread waits for work that another thread does for it.
    public static func waiting<Result>(for other: Int32, _ body: () throws -> Result) rethrows -> Result {
        let own = identifier
        awaited.withLock { $0[own] = other }
        defer { awaited.withLock { $0[own] = nil } }
        return try body()
    }

    /// The calling thread's number, by which /proc knows it.
    public static var identifier: Int32 { sniscope_thread_id() }
}
