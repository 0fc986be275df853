internal import CBPFShims
internal import Glibc

/// What kernels have or not, asked by loading the smallest program that needs it: versions say little where
/// distributions take features over into older kernels.
public enum KernelFeature: Sendable, CaseIterable {
    /// Linux 6.6.
    case uprobeMulti
    /// uprobe_multi links can be limited to a process; before, to a thread (Linux 6.10, and stable kernels before).
    case uprobeMultiOfProcess
    /// Linux 6.0.
    case sleepableUprobes
    /// Missing where the kernel is locked down to "confidentiality".
    case kernelReads

    /// - Throws: `BPFError` where asking is not permitted.
    public func isSupported() throws(BPFError) -> Bool {
        BPFLog.capture()
        let answer =
            switch self {
            case .uprobeMulti: sniscope_probe_uprobe_multi()
            case .uprobeMultiOfProcess: sniscope_probe_uprobe_multi_process()
            case .sleepableUprobes: sniscope_probe_sleepable_uprobe()
            case .kernelReads: sniscope_probe_kernel_read()
            }
        guard answer >= 0 else { throw BPFError("load a BPF program", code: errno) }
        return answer == 1
    }
}
