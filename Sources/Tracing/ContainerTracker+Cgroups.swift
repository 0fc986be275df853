internal import Containers
internal import LibBPF
internal import OS

/// What `CgroupReader` finds out.
extension ContainerTracker {
    /// Reports of control groups were lost: what came and went unseen is found out.
    func makeUpForLosses() {
        reader.compare(CgroupReader.Known(ids: directory.cgroupIDs, paths: directory.unnumberedCgroups))
    }

    /// What was read of control groups and bundles.
    /// - Returns: What follows, and the keys of events that waited for it.
    mutating func apply(
        _ report: CgroupReader.Report, _ program: TracerProgram
    ) -> (consequences: [Consequence], keys: [String]) {
        switch report {
        case .located(let places):
            reader.proceed()
            var consequences: [Consequence] = []
            for (id, place) in places {
                sought.remove(id)
                if let place {
                    consequences.append(take(id, place, program))
                } else {
                    if missing.count >= SoughtCgroups.most { missing = [] }
                    missing.insert(id)
                }
            }
            return (consequences, places.map { Self.key(ofCgroup: $0.id) })
        case .stub(let path, let container):
            if let container, directory.isKnown(key: path), directory.container(key: path) == nil {
                stubs[path] = container
            }
            return ([], [])
        case .initPid(let key, let pid):
            if let pid { directory.update(key: key) { $0.initPid = $0.initPid ?? pid } }
            initPidQuestions[key] = pid == nil ? .some(Clock.monotonic + Self.initPidPause) : nil
            return ([], [Self.key(ofInitPid: key)])
        case .compared(let difference):
            reader.proceed()
            let ended =
                difference.gone.map { directory.remove(cgroupID: $0) }
                + difference.gonePaths.map { directory.remove(unnumberedCgroup: $0) }
            for case let container? in ended { forget(container) }
            return (
                ended.compactMap { $0.map { .ended(key: $0.key) } }
                    + difference.new.map { take($0.id, $0.place, program) }, []
            )
        }
    }

    /// Takes in a control group that was found; its record may have come meanwhile.
    private mutating func take(_ id: UInt64, _ place: CgroupReader.Place, _ program: TracerProgram) -> Consequence {
        guard directory.owner(ofCgroup: id) == .unknown else { return .none }
        return apply(CgroupRecord(found: id, at: place.path, uid: place.uid), program)
    }

    /// - Parameter uid: Who pays for it.
    /// - Returns: Whether it is being looked for.
    @discardableResult
    mutating func seek(_ cgroup: UInt64, for uid: UInt32) -> Bool {
        switch sought.seek(cgroup, for: uid) {
        case .sought: return true
        case .new:
            reader.locate(cgroup: cgroup)
            return true
        case .refused:
            reach(
                .sought(uid),
                "\(uid == 0 ? "root" : "user \(uid)") has more cgroups that must be looked for than are at a time; what "
                    + "runs in some of them may show as the host's")
            return false
        }
    }

    static func key(ofCgroup id: UInt64) -> String { "cgroup:\(id)" }
    static func key(ofInitPid container: String) -> String { "init:\(container)" }
}
