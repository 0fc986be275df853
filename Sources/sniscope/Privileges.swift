import OS

/// What sniscope may do on the host it looks at.
enum Privileges {
    /// What is used until the end: files appear for as long as a trace goes on. What `run` starts is not affected: root
    /// has all capabilities anew in each program.
    private static let used: Set<Capability> = [
        // Loads and attaches BPF programs, and opens perf events.
        .bpf, .perfmon,
        // Reads files, /proc/PID/maps and the runtimes' state of all users.
        .sysPtrace, .dacReadSearch, .checkpointRestore,
        // Attaches uprobes by perf events, and looks into containers' root directories by mounts of its own.
        .sysAdmin,
        // Reaches the sockets of users' daemons, and writes to their directories where the user names one.
        .dacOverride,
        // Looks ahead of others into what a container is about to run.
        .sysNice,
        // Passes signals on to a command that runs as another user.
        .kill,
    ]

    /// Gives up everything else. To be called while there is one thread: each has its own capabilities.
    static func dropUnused() throws {
        try Capability.drop(keeping: used)
    }
}
