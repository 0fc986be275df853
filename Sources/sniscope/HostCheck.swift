import LibBPF
import OS

/// Linux capabilities that tracing stands on, by their numbers in linux/capability.h.
enum Capability: UInt64, CaseIterable {
    case dacReadSearch = 2
    case sysPtrace = 19
    case sysAdmin = 21
    case perfmon = 38
    case bpf = 39
    case checkpointRestore = 40

    var name: String {
        switch self {
        case .dacReadSearch: "CAP_DAC_READ_SEARCH"
        case .sysPtrace: "CAP_SYS_PTRACE"
        case .sysAdmin: "CAP_SYS_ADMIN"
        case .perfmon: "CAP_PERFMON"
        case .bpf: "CAP_BPF"
        case .checkpointRestore: "CAP_CHECKPOINT_RESTORE"
        }
    }

    var isHeld: Bool {
        let held = Host.capabilities
        if held >> rawValue & 1 == 1 { return true }
        // The older, wider capability stands for these.
        let isCovered = self == .perfmon || self == .bpf || self == .checkpointRestore
        return isCovered && held >> Capability.sysAdmin.rawValue & 1 == 1
    }
}

/// One thing that this host must have for tracing.
struct HostCheck: Sendable {
    /// The subject, as `doctor` shows it.
    let name: String
    /// What is there, in words; shown where nothing is missing.
    let found: String
    /// nil: it is there.
    let failure: @Sendable () -> CommandFailure?

    init(_ name: String, found: String, failure: @escaping @Sendable () -> CommandFailure?) {
        self.name = name
        self.found = found
        self.failure = failure
    }

    /// What no tracing goes without, in the order in which it is worth being told.
    static let requirements = [kernel, btf, privileges]

    private static let oldestKernel = (5, 15)

    static let kernel = HostCheck("kernel", found: "Linux \(Host.kernelRelease), \(Host.machine)") {
        let numbers = Host.kernelRelease.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2, (numbers[0], numbers[1]) < oldestKernel else { return nil }
        return CommandFailure(
            "this kernel is Linux \(Host.kernelRelease); tracing needs BPF cookies, which Linux 5.15 brought",
            status: ExitStatus.unavailable)
    }

    static let btf = HostCheck("BTF", found: btfPath) {
        guard !Files.exists(btfPath) else { return nil }
        return CommandFailure(
            "this kernel has no BTF (\(btfPath) is missing), which tells the BPF programs where its fields lie; "
                + "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (distributions' are, since Linux 5.15)",
            status: ExitStatus.unavailable)
    }

    private static let btfPath = "/sys/kernel/btf/vmlinux"

    static let privileges = HostCheck("privileges", found: Host.isRoot ? "root" : "capabilities without root") {
        let missing = [Capability.bpf, .perfmon, .sysPtrace, .dacReadSearch].filter { !$0.isHeld }
        guard !missing.isEmpty else { return nil }
        return CommandFailure(
            "tracing is not permitted: \(missing.map(\.name).joined(separator: ", ")) missing; "
                + "run it as root: `sudo sniscope …`",
            status: ExitStatus.notPermitted)
    }
}
