internal import OS

/// Processes whose memory is held by a page fault that does not end, as in a file of a network or FUSE file system that
/// hangs. Who attaches a uprobe to a file that such a process maps waits for it in the kernel, and every fork of the host
/// waits for him (kernel/events/uprobes.c, `register_for_each_vma`: `dup_mmap_sem`, then the process's `mmap_lock`).
public enum HeldMemory {
    /// How many threads of a process are asked: some 4 µs each.
    private static let mostThreads = 4096
    /// How long a thread must be at the same place; milliseconds. A fault that reads from a disk ends sooner. Programs have
    /// many of those as they start, and soon call what is to be probed: it is looked again each millisecond.
    private static let patience = 65
    /// Where those wait that hold nothing: stopped, frozen, traced, or their fault is answered by userfaultfd(2).
    private static let harmless: Set<String> = [
        "do_signal_stop", "do_freezer_trap", "__refrigerator", "ptrace_stop", "handle_userfault",
    ]

    /// What a thread has that has ended and not been waited for: a process lives on when its first thread ends.
    private static let ended = Array("-1 0x0 0x0\n".utf8)

    /// Whether a thread of the process is in a page fault now, which may end at once.
    static func isInFault(_ pid: Int32) -> Bool { !faults(of: pid).isEmpty }

    /// Those of the processes of which a thread has been in one page fault for some time. Takes that time where one is in
    /// a fault at all.
    public static func faulting(_ pids: [Int32]) -> [Int32] {
        var faults = pids.flatMap(self.faults)
        for _ in 0..<patience where !faults.isEmpty {
            Threads.sleep(milliseconds: 1)
            faults = faults.filter { Fault(pid: $0.pid, $0.folder) == $0 }
        }
        return Set(faults.map(\.pid)).sorted()
    }

    private static func faults(of pid: Int32) -> [Fault] {
        let folder = "/proc/\(pid)/task"
        let threads = (try? Files.names(in: folder, limit: mostThreads)) ?? []
        return threads.compactMap { Fault(pid: pid, "\(folder)/\($0)") }
    }

    private struct Fault: Equatable {
        let pid: Int32
        let folder: String
        /// Registers of the thread.
        let place: [UInt8]

        /// - Parameter folder: Of the thread.
        init?(pid: Int32, _ folder: String) {
            // proc_pid_syscall(5): a thread that waits, but in no system call.
            guard let place = try? Files.read("\(folder)/syscall"), place.starts(with: "-1 ".utf8),
                place != HeldMemory.ended, let function = try? Files.read("\(folder)/wchan"),
                !HeldMemory.harmless.contains(String(decoding: function, as: UTF8.self))
            else { return nil }
            self.pid = pid
            self.folder = folder
            self.place = place
        }
    }

    /// Asks the kernel for the mappings of a process, which waits where a thread of it wants to change them and can't.
    static func ask(_ pid: Int32) {
        _ = try? Files.names(in: "/proc/\(pid)/map_files", limit: 1)
    }
}
