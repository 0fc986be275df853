internal import LibBPF
internal import OS

/// One thing that this host must have, whatever is traced. `TracingSession` checks all of them before it begins.
public struct HostRequirement: Sendable {
    /// The subject, as `sniscope doctor` shows it.
    public let name: String
    /// What is there, in words.
    public let found: String
    private let failure: @Sendable () -> HostLimitation?

    private init(_ name: String, found: String, failure: @escaping @Sendable () -> HostLimitation?) {
        self.name = name
        self.found = found
        self.failure = failure
    }

    /// - Throws: `HostLimitation` where it is missing.
    public func check() throws(HostLimitation) {
        if let failure = failure() { throw failure }
    }

    /// In the order in which they are worth being told.
    public static let all = [kernel, btf, privileges, kernelReads]

    static func checkAll() throws(HostLimitation) {
        for requirement in all { try requirement.check() }
    }

    private static let oldestKernel = (5, 15)

    private static let kernel = HostRequirement("kernel", found: "Linux \(Host.kernelRelease), \(Host.machine)") {
        guard let version = Host.kernelVersion, version < oldestKernel else { return nil }
        return HostLimitation(
            .kernel, "this kernel is Linux \(Host.kernelRelease); tracing needs BPF cookies, which Linux 5.15 brought")
    }

    private static let btf = HostRequirement("BTF", found: btfPath) {
        guard !Files.exists(btfPath) else { return nil }
        return HostLimitation(
            .kernel,
            "this kernel has no BTF (\(btfPath) is missing), which says where its structures' fields are; "
                + "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (distributions' are, since Linux 5.15)")
    }

    private static let btfPath = "/sys/kernel/btf/vmlinux"

    private static let privileges = HostRequirement(
        "privileges", found: Host.isRoot ? "root" : "capabilities without root"
    ) {
        let missing = [Capability.bpf, .perfmon, .sysPtrace, .dacReadSearch].filter { !$0.isHeld }
        guard !missing.isEmpty else { return nil }
        return HostLimitation(
            .privileges,
            "tracing is not permitted: \(missing.map(\.name).joined(separator: ", ")) missing; "
                + "run it as root: `sudo sniscope …`, or give it these capabilities")
    }

    private static let kernelReads = HostRequirement("lockdown", found: "BPF programs may read the kernel's memory") {
        // Where asking is not permitted, the capabilities are missing.
        guard (try? KernelFeature.kernelReads.isSupported()) == false else { return nil }
        return HostLimitation(
            .kernel,
            "BPF programs may not read this kernel's memory, and nothing can be traced without. Kernels that are locked "
                + "down to \"confidentiality\" refuse that (\(lockdownPath) shows it): start it with lockdown=integrity, or "
                + "without lockdown. Kernels built without CONFIG_BPF_EVENTS=y refuse it too")
    }

    private static let lockdownPath = "/sys/kernel/security/lockdown"
}

extension UprobeMethod {
    /// The method that a session uses.
    /// - Parameter wanted: nil: the best that the kernel has.
    /// - Parameter isOfProcesses: Whether uprobes are to be limited to processes.
    /// - Throws: `HostLimitation`, `BPFError`.
    static func chosen(_ wanted: UprobeMethod?, isOfProcesses: Bool = false) throws -> UprobeMethod {
        let hasMulti = try KernelFeature.uprobeMulti.isSupported()
        if wanted == nil, isOfProcesses, hasMulti, Capability.sysAdmin.isHeld,
            try !KernelFeature.uprobeMultiOfProcess.isSupported()
        {
            return .perf
        }
        if wanted == .multi, !hasMulti {
            throw HostLimitation(
                .kernel,
                "this kernel has no uprobe_multi links, which Linux 6.6 brought; leave out `--attach multi`: "
                    + "uprobes are attached by perf events then")
        }
        let method = wanted ?? (hasMulti ? .multi : .perf)
        if method == .perf, !Capability.sysAdmin.isHeld {
            let reason =
                hasMulti
                ? "leave out `--attach perf`: uprobe_multi links need no such capability"
                : "this kernel has no uprobe_multi links (Linux 6.6), which need no such capability; "
                    + "run it as root: `sudo sniscope …`"
            throw HostLimitation(
                .privileges, "attaching uprobes by perf events is not permitted: CAP_SYS_ADMIN missing; \(reason)")
        }
        return method
    }
}
