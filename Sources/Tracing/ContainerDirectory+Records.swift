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
        case suspected(cgroup: String, maker: Int32?)
        /// It may be a container's, and this user has more of them than are looked into: it counts as the host's.
        case refused(uid: UInt32)
        /// Its path did not fit into the record: `apply` is to be called again with all of it.
        case unresolved
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
        if record.isPathTruncated {
            // A number of the v2 hierarchy alone leads to the path.
            guard let number else { return .host }
            let end = record.path.lastIndex(of: "/") ?? record.path.startIndex
            switch add(cgroupID: number, below: String(record.path[..<end])) {
            case nil: return .unresolved
            case .host: return .host
            case let owner?: return .known(owner)
            }
        }
        if covers(cgroup: record.path) {
            guard let number else { return .known(.unknown) }
            return .known(add(cgroupID: number, path: record.path))
        }
        guard Self.mayBeContainer(record) else {
            if let number { add(cgroupID: number, path: record.path) }
            return .host
        }
        guard expect(cgroup: record.path, cgroupID: number, maker: record.payer) else {
            return .refused(uid: record.payer ?? 0)
        }
        return .suspected(cgroup: record.path, maker: record.pid.map(Int32.init(bitPattern:)))
    }

    private static func mayBeContainer(_ record: CgroupRecord) -> Bool {
        guard !isTooDeep(record.path) else { return false }
        return CgroupPath.containerID(in: record.path)?.path == record.path
            || RuntimeProcess.isRuntime(comm: record.comm)
    }
}

extension CgroupRecord {
    /// Who pays for what is remembered of it: a user has many numbers (/etc/subuid), and one slice.
    var payer: UInt32? {
        if let user = CgroupOwnership.payer(ofPath: path), user != 0 { return user }
        return uid
    }
}
