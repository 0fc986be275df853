internal import CShims

extension Threads {
    /// How far a thread of ours has come: another value after each clock tick of processor time and each read.
    public struct Progress: Equatable, Sendable {
        private let ticks: String
        private let bytesRead: String

        /// - Parameter thread: From `identifier`.
        /// - Returns: Nil for one that has ended.
        public init?(of thread: Int32) {
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

    /// The calling thread's number, by which /proc knows it.
    public static var identifier: Int32 { sniscope_thread_id() }
}
