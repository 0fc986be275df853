import OS

/// What sniscope may do on the host it looks at. To be called while there is one thread: each has its own capabilities,
/// and those that it starts get the same.
enum Privileges {
    /// What is used until the end: files appear for as long as a trace goes on.
    private static let used: Set<Capability> = [
        // Loads and attaches BPF programs, and opens perf events.
        .bpf, .perfmon,
        // Reads files, /proc/PID/maps and the runtimes' state of all users.
        .sysPtrace, .dacReadSearch, .checkpointRestore,
        // Attaches uprobes by perf events, opens those of CPUs that come online where kernel.perf_event_paranoid is above
        // 2, and looks into containers' root directories by mounts of its own: without, they can't be unmounted.
        .sysAdmin,
        // Looks ahead of others into what a container is about to run.
        .sysNice,
    ]

    /// Gives up everything else for good, also for programs that are executed.
    static func confine() throws { try Capability.confine(to: needed) }

    private static var needed: Set<Capability> {
        // CAP_DAC_OVERRIDE includes CAP_DAC_READ_SEARCH for whoever was given that one alone.
        Capability.held.contains(.dacReadSearch) ? used : used.union([.dacOverride])
    }

    /// Gives up everything else, but leaves what `run` starts as it is: root has all capabilities anew in each program.
    static func dropUnused() throws {
        // Passes signals on to a command that runs as another user.
        try Capability.drop(keeping: needed.union([.kill]))
    }
}
