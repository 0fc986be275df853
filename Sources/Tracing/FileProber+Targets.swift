internal import Containers
internal import Inspection
internal import OS
internal import Processes
internal import TLSLibraries

extension SessionOptions.Target {
    /// nil where not only files that the user names are traced.
    var containerFiles: [ContainerFile]? {
        if case .files(let files) = self { FileTarget.inContainers(files) } else { nil }
    }

    /// Files of this host that the user names.
    var hostFiles: [String] {
        guard case .files(let files) = self else { return [] }
        return files.compactMap { if case .host(let path) = $0 { path } else { nil } }
    }
}

extension FileProber {
    /// Probes a file of this host that the user named, and says why where that can't be.
    func probeTarget(path: String) throws {
        try FileTarget.answering(path) {
            try probeTarget(RegularFile(path: path), path: path, shownAs: path, open: Siblings.host)
        }
    }

    /// Probes a file that the user named, in the containers that run.
    /// - Returns: What is still to be done about containers that are just being made.
    /// - Throws: why it can be probed in none of them; where there are none, it is waited for one.
    func probeTarget(_ file: ContainerFile, _ containers: inout ContainerTracker) throws -> [ProbeJob] {
        let meant = containers.all.filter(file.isIn)
        if meant.isEmpty { containers.note("\(file.text): no container of that name runs; it is waited for") }
        var failures: [any Error] = []
        var jobs: [ProbeJob] = []
        for container in meant {
            if container.initPid == nil, let cgroup = container.cgroupPath {
                jobs.append(.container(cgroup: cgroup, maker: nil))
                continue
            }
            do {
                try FileTarget.answering(file.text) {
                    try probeTarget(file, in: file.open(in: container).root, container)
                }
            } catch {
                failures.append(error)
            }
        }
        if let failure = failures.first, failures.count == meant.count { throw failure }
        for failure in failures { containers.note("not traced: \(failure)") }
        return jobs
    }

    /// Probes files that the user named in a container that is being made.
    func probe(_ targets: [ContainerFile], in resolution: ContainerResolution) -> [ProbeOutcome] {
        let container = resolution.container
        let meant = targets.filter { $0.isIn(container) }
        guard !meant.isEmpty else { return [] }
        // At once, so that its program does not run before; then again, for what is mounted over its root folder.
        if let bundle = resolution.bundle {
            for file in meant { try? probeTarget(file, in: ContainerRoot(path: bundle.rootPath), container) }
        }
        guard let root = waitForRoot(of: resolution) else { return [] }
        return meant.compactMap { file in
            do {
                try probeTarget(file, in: root, container)
                return nil
            } catch {
                return .refused("\(error)")
            }
        }
    }

    private static let patienceWithStart: Int64 = 5_000_000_000

    /// The root folder of a container's first process, once it has entered it: before it runs its program.
    /// - Returns: nil where it has none in time.
    private func waitForRoot(of resolution: ContainerResolution) -> ContainerRoot? {
        let container = resolution.container
        // No runtime's state is asked for an id that a user chose.
        guard container.uid == nil else { return nil }
        let clue = ContainerClue(
            id: container.id, cgroupPath: container.cgroupPath, hint: container.runtime,
            podUID: container.kubernetes?.podUID, bundle: resolution.bundle)
        let deadline = Clock.monotonic + Self.patienceWithStart
        while Clock.monotonic < deadline {
            let pid =
                container.bundlePath.flatMap(OCIBundle.initPid) ?? containers.current.resolve(clue).container.initPid
            if let root = pid.flatMap(ContainerRoot.init(pid:)) { return root }
            Threads.sleep(milliseconds: 5)
        }
        return nil
    }

    private func probeTarget(_ file: ContainerFile, in root: ContainerRoot, _ container: Container) throws {
        let name = "\(container.name):\(file.path)"
        try probeTarget(
            root.open(file.path, shownAs: name), path: file.path, shownAs: name,
            open: { try? root.open($0) })
    }

    /// - Parameters:
    ///   - path: As the processes that use it see it.
    ///   - name: How messages call it.
    private func probeTarget(
        _ file: RegularFile, path: String, shownAs name: String, open: @escaping (String) -> RegularFile?
    ) throws {
        // Tells a damaged file from one without TLS.
        let report: FileReport
        do {
            report = try search(file, path)
        } catch let error as InspectionError {
            throw SessionError("cannot trace \(name): \(error)")
        }
        guard !report.libraries.isEmpty else {
            throw SessionError(
                "no TLS function was found in \(name): it takes no server name itself; "
                    + "`sniscope list` shows the libraries that its process uses")
        }
        guard report.isTraceable || report.machine != Host.machine else {
            throw SessionError("cannot trace \(name): \(report.libraries.compactMap(\.reason).joined(separator: " "))")
        }
        let mapped = initialUsers.candidate(for: file)
        switch probe(file, shownPath: path, depth: .everything, open: open, mapped: mapped) {
        case .traced, .pending, .copying, .copierEnded: break
        // Another name of a file that was refused before has no words of its own.
        case .refused(let reason): throw SessionError("cannot trace \(reason ?? name)")
        case .avoided(let harm, _): throw SessionError("cannot trace \(harm)")
        case .crowded(let limit): throw SessionError("cannot trace \(name): \(limit)")
        case .unreadable(let error): throw error
        case .changing: throw SessionError("cannot trace \(name): it is being written just now")
        case .noLibrary, .untraced, .unsearched, .vanished, .unwanted:
            throw SessionError("cannot trace \(name): it is for \(report.machine), this machine is \(Host.machine)")
        }
    }
}
