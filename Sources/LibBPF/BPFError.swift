internal import Glibc

/// Something that libbpf or the bpf(2) system call refused.
public struct BPFError: Error, Sendable, CustomStringConvertible {
    /// What was tried, as a verb phrase: "load the BPF programs".
    public let operation: String
    /// The `errno` value.
    public let code: Int32
    /// The last lines of libbpf's and the verifier's words; empty where they had none.
    public let log: String

    init(_ operation: String, code: Int32) {
        self.operation = operation
        self.code = abs(code)
        self.log = BPFLog.take(lines: 12)
    }

    public var isInvalidArgument: Bool { code == EINVAL }
    public var isNotPermitted: Bool { code == EPERM || code == EACCES }
    public var isUnsupported: Bool { code == EOPNOTSUPP || code == ENOSYS || code == 524 }

    public var description: String {
        let reason = "cannot \(operation): \(describe(errno: code))"
        return log.isEmpty ? reason : reason + "\n" + log
    }
}
