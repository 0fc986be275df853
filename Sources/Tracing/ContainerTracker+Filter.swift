internal import Containers
internal import LibBPF

/// Which containers are wanted: told to the kernel, which drops the events of others, and to the threads that probe.
extension ContainerTracker {
    /// Whether what is in a container's root folder is to be probed.
    func isWanted(_ container: Container) -> Bool { scope?.includes(container) ?? true }

    /// The containers that became wanted by what was found out later, such as a new name. Once.
    mutating func takeNewlyWanted() -> [Container] {
        defer { newlyWanted = [] }
        return newlyWanted
    }

    /// The kernel lets the events of a new control group pass until it is told.
    func leaveToHost(_ record: CgroupRecord, _ program: TracerProgram) {
        if record.isUnified { try? program.removeContainer(cgroup: record.id) }
    }

    mutating func judge(_ container: Container, _ program: TracerProgram) {
        // One below another container's is that one's.
        if let scope, directory.container(key: container.key) != nil, scope.judge(container) {
            newlyWanted.append(container)
        }
        guard isUnified, let cgroup = directory.cgroupID(of: container) else { return }
        do {
            // Without a filter it is known whom the room of calls is counted for.
            try program.setContainer(cgroup: cgroup, isWanted: filter?.admits(container) ?? true)
        } catch {
            // The map has room for 16,384 groups.
            guard filter != nil else { return }
            reach(.filter, "the kernel does not filter the container \(container.name), and perhaps others: \(error)")
        }
    }

    /// Has the threads that probe forget what the directory has forgotten.
    func tidyScope() {
        guard let scope, scope.count > directory.count + Self.mostForgotten else { return }
        scope.keep { directory.isKnown(key: $0) }
    }

    private static let mostForgotten = 256
}
