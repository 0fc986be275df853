internal import OS
internal import Processes

/// Processes that copy or interpret code: what they map is not probed while they run.
extension ProbeKeeper {
    /// Has the files of a process spared that is known for what it is, and loads more.
    /// - Returns: Whether it is.
    func spareKnown(_ mapping: ExecutableMapping) -> Bool {
        guard let pid = Int32(exactly: mapping.pid), copiers.contains(pid) else { return false }
        submit(.copier(pid: pid, isKnown: false))
        return true
    }

    /// Has the files of a process spared that shows by a mapping what it is.
    /// - Parameter isForOthers: Whether the file is probed, or about to be, for the sake of other processes.
    func spare(_ mapping: ExecutableMapping, isForOthers: Bool) {
        guard let pid = Int32(exactly: mapping.pid), copiers.concerns(pid) else { return }
        // Node.js may be about to copy its own code.
        if CodeCopier(mapping: mapping.path) != nil || isForOthers && !mapping.path.contains(".so") {
            submit(.copier(pid: pid, isKnown: false))
        }
    }

    /// A file is no longer probed, for the sake of such a process.
    mutating func avoid(_ file: UInt32) {
        let (path, identities) = lifetimes.forget(file)
        candidates.forget(identities)
        if let path { avoidedPaths.insert(path) }
    }

    /// Looks now and then what those processes map by now, and whether they are there.
    mutating func checkCopiers() {
        let now = Clock.monotonic
        guard now > nextCopierCheck, copiersInCheck == 0 else { return }
        nextCopierCheck = now + Self.copierInterval
        for pid in copiers.all {
            submit(.copier(pid: pid, isKnown: true))
            copiersInCheck += 1
        }
    }

    /// Nanoseconds.
    private static let copierInterval: Int64 = 1_000_000_000

    mutating func finishCopier(_ outcomes: [ProbeOutcome], wasKnown: Bool) {
        if wasKnown { copiersInCheck -= 1 }
        guard case .copierEnded = outcomes.first else { return }
        for path in avoidedPaths { submit(.path(path, hostTargets.contains(path) ? .everything : .symbols)) }
        avoidedPaths = []
        // What containers and other processes map.
        if seesMappings { modifiedRescan = modifiedRescan ?? Clock.monotonic }
    }
}
