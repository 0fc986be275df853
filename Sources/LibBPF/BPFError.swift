internal import Glibc

/// Something that libbpf or the bpf(2) system call refused.
public struct BPFError: Error, Sendable, CustomStringConvertible {
    /// What was tried, as a verb phrase: "load the BPF programs".
    public let operation: String
    /// The `errno` value.
    public let code: Int32
    /// nil where it was not the verifier that refused.
    public let verifier: VerifierLog?
    /// The last that libbpf said, where the verifier said nothing.
    private let log: String

    init(_ operation: String, code: Int32) {
        self.operation = operation
        self.code = abs(code)
        let lines = BPFLog.take()
        verifier = VerifierLog(lines)
        log = lines.suffix(4).joined(separator: "\n")
    }

    public var isNotPermitted: Bool { (code == EPERM || code == EACCES) && verifier == nil }
    public var isNoProcess: Bool { code == ESRCH }
    public var isUnsupported: Bool { [EOPNOTSUPP, ENOSYS, notSupportedByKernel].contains(code) || verifier != nil }

    /// One line: what was tried and why it failed.
    public var summary: String {
        let reason = "cannot \(operation): \(describe(errno: code))"
        guard let verifier else { return reason }
        return "\(reason). The kernel's verifier refuses \(verifier.program): \(verifier.verdict)"
    }

    /// The summary, and on further lines what led to it.
    public var description: String {
        guard let verifier else { return log.isEmpty ? summary : "\(summary)\n\(log)" }
        let omitted = verifier.omitted > 0 ? ["(\(verifier.omitted) lines left out)"] : []
        return ([summary] + omitted + verifier.context + [verifier.verdict]).joined(separator: "\n")
    }
}
