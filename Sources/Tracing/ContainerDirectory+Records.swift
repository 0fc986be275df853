internal import Containers
internal import LibBPF
internal import Processes

extension ContainerDirectory {
    /// What a control group that came or went means.
    enum Change {
        /// It is the host's.
        case host
        /// It is a container's that is known, its own or one below.
        case known(Owner)
        /// It may be a container's: to be found out and told by `settle`.
        case suspected(cgroup: String, maker: Int32)
        /// It is gone, and with it the container whose own it was; nil: it was no container's own, or nobody knows yet
        /// whose.
        case gone(Container?)
    }

    mutating func apply(_ record: CgroupRecord) -> Change {
        let number = record.isUnified ? record.id : nil
        guard record.isCreated else {
            if let number { return .gone(remove(cgroupID: number)) }
            return .gone(remove(unnumberedCgroup: record.path))
        }
        if covers(cgroup: record.path) {
            guard let number else { return .known(.unknown) }
            return .known(add(cgroupID: number, path: record.path))
        }
        guard Self.mayBeContainer(record) else {
            if let number { add(cgroupID: number, path: record.path) }
            return .host
        }
        expect(cgroup: record.path, cgroupID: number)
        return .suspected(cgroup: record.path, maker: Int32(bitPattern: record.pid))
    }

    private static func mayBeContainer(_ record: CgroupRecord) -> Bool {
        CgroupPath.containerID(in: record.path)?.path == record.path || RuntimeProcess.isRuntime(comm: record.comm)
    }
}
