public import OS

/// One process and no later one with the same number.
public struct ProcessIdentity: Hashable, Sendable {
    public let pid: Int32
    /// Clock ticks since boot; no two processes with one pid share it (proc_pid_stat(5), field 22).
    public let startTime: UInt64

    public init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// - Throws: `isNotFound` for a process that has ended.
    public init(pid: Int32) throws(SystemError) {
        self.init(pid: pid, startTime: try ProcessStatus(pid: pid).startTime)
    }

    /// True while the process has not been reaped; a zombie still is that process.
    public var isCurrent: Bool {
        (try? ProcessIdentity(pid: pid)) == self
    }
}

/// The part of /proc/PID/stat that is used here, proc_pid_stat(5).
public struct ProcessStatus: Equatable, Sendable {
    /// The name of the main thread, up to 15 bytes, chosen by the process; longer for kernel threads.
    public let comm: String
    /// `R`, `S`, `D`, `Z`, …
    public let state: Character
    public let parent: Int32
    /// Clock ticks since boot.
    public let startTime: UInt64

    /// When the process began, in nanoseconds since the epoch, to a hundredth of a second.
    public var startedAt: Int64 {
        Clock.realtime &- Clock.boot &+ Clock.boot(ticks: startTime)
    }

    public init(pid: Int32) throws(SystemError) {
        let path = "/proc/\(pid)/stat"
        guard let status = ProcessStatus(stat: try Files.read(path)) else {
            throw SystemError("understand", path, code: 0, hint: "it is not as proc_pid_stat(5) says.")
        }
        self = status
    }

    /// Parses the file; nil where it makes no sense. `comm` may hold spaces, parentheses and newlines, so the fields
    /// are counted from the last ")".
    public init?(stat: [UInt8]) {
        guard let open = stat.firstIndex(of: UInt8(ascii: "(")),
            let close = stat.lastIndex(of: UInt8(ascii: ")")), open < close
        else { return nil }
        let fields = stat[(close + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        guard fields.count > 19, let state = fields[0].first,
            let parent = Int32(String(decoding: fields[1], as: UTF8.self)),
            let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        comm = String(decoding: stat[(open + 1)..<close], as: UTF8.self)
        self.state = Character(Unicode.Scalar(state))
        self.parent = parent
        self.startTime = startTime
    }
}
