internal import LibBPF
internal import OS
internal import Processes

/// The only processes that get breakpoints. Each has a link of its own for each file (by perf events: for each place in
/// it), so there is no limit for many.
struct ProcessLimit: Sendable {
    private static let most = 16

    let pids: Set<Int32>

    /// - Parameter pids: nil: all are wanted.
    /// - Returns: nil where uprobes are for everybody.
    /// - Throws: `BPFError`.
    init?(pids: [Int32]?, _ method: UprobeMethod) throws {
        guard let pids, pids.count <= Self.most else { return nil }
        // There is always one that can: `UprobeMethod.chosen` prefers it.
        guard try method == .perf || KernelFeature.uprobeMultiOfProcess.isSupported() else { return nil }
        self.pids = Set(pids)
    }

    /// Whether the kernel can tell all of the processes: it compares their memory with that of the main thread, which has
    /// none once it has ended while others go on.
    private var isPossible: Bool {
        pids.allSatisfy { pid in
            guard (try? ProcessStatus(pid: pid))?.state == "Z" else { return true }
            // An ended process that nobody has waited for has no other thread.
            return ((try? Files.names(in: "/proc/\(pid)/task", limit: 2)) ?? []).count < 2
        }
    }

    /// - Returns: Empty where all of the processes have ended.
    /// - Throws: `BPFError`.
    func attach(_ uprobe: UprobeProgram, path: String, points: [ProbePoint]) throws(BPFError) -> [BPFLink] {
        guard isPossible else { return try uprobe.attach(path: path, points: points) }
        var links: [BPFLink] = []
        for pid in pids {
            do throws(BPFError) {
                links += try uprobe.attach(path: path, points: points, process: pid)
            } catch {
                guard error.isNoProcess else { throw error }
            }
        }
        return links
    }
}
