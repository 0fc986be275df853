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
            // Below the thread's own number alone: /proc/TID/stat adds up all threads of its process.
            let folder = "/proc/\(thread)/task/\(thread)"
            guard let stat = try? String(decoding: Files.read("\(folder)/stat"), as: UTF8.self),
                // proc_pid_stat(5): the name may hold anything; utime and stime are the 12th and 13th field behind it.
                let end = stat.lastIndex(of: ")")
            else { return nil }
            let fields = stat[end...].split(separator: " ")
            guard fields.count > 13 else { return nil }
            ticks = "\(fields[12]) \(fields[13])"
            // Without CONFIG_TASK_IO_ACCOUNTING there is none.
            let io = (try? String(decoding: Files.read("\(folder)/io"), as: UTF8.self)) ?? ""
            bytesRead = io.split(separator: "\n").first { $0.hasPrefix("rchar:") }.map(String.init) ?? ""
        }
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
