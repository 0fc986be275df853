internal import CShims

/// Linux capabilities that something here stands on, by their numbers in linux/capability.h.
public enum Capability: UInt64, Sendable, CaseIterable {
    case dacOverride = 1
    case dacReadSearch = 2
    case kill = 5
    case sysPtrace = 19
    case sysAdmin = 21
    case sysNice = 23
    case perfmon = 38
    case bpf = 39
    case checkpointRestore = 40

    public var name: String {
        switch self {
        case .dacOverride: "CAP_DAC_OVERRIDE"
        case .dacReadSearch: "CAP_DAC_READ_SEARCH"
        case .kill: "CAP_KILL"
        case .sysPtrace: "CAP_SYS_PTRACE"
        case .sysAdmin: "CAP_SYS_ADMIN"
        case .sysNice: "CAP_SYS_NICE"
        case .perfmon: "CAP_PERFMON"
        case .bpf: "CAP_BPF"
        case .checkpointRestore: "CAP_CHECKPOINT_RESTORE"
        }
    }

    /// Whether this thread has it, or an older one that includes it.
    public var isHeld: Bool {
        let held = sniscope_capabilities()
        func has(_ capability: Capability) -> Bool { held >> capability.rawValue & 1 == 1 }
        if has(self) { return true }
        switch self {
        case .perfmon, .bpf, .checkpointRestore: return has(.sysAdmin)
        case .dacReadSearch: return has(.dacOverride)
        case .dacOverride, .kill, .sysPtrace, .sysAdmin, .sysNice: return false
        }
    }

    /// Those that this thread has itself.
    public static var held: [Capability] {
        let held = sniscope_capabilities()
        return allCases.filter { held >> $0.rawValue & 1 == 1 }
    }

    /// As `drop`, also for every program that is executed from here on (no_new_privs, the bounding and inheritable sets).
    /// - Throws: `SystemError`.
    public static func confine(to kept: Set<Capability>) throws(SystemError) {
        guard sniscope_bound_capabilities(mask(kept)) == 0 else { throw .last("drop", "capabilities") }
        try drop(keeping: kept)
    }

    private static func mask(_ capabilities: Set<Capability>) -> UInt64 {
        capabilities.reduce(0) { $0 | 1 << $1.rawValue }
    }

    /// Gives up all but these, for this thread and those that it starts. A program that it executes gets what it gets.
    /// - Throws: `SystemError`.
    public static func drop(keeping kept: Set<Capability>) throws(SystemError) {
        guard sniscope_keep_capabilities(mask(kept)) == 0 else { throw .last("drop", "capabilities") }
    }
}
