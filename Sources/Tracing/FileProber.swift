internal import Containers
internal import Inspection
internal import LibBPF
internal import OS
internal import Processes
internal import TLSLibraries

/// Looks into files and probes the TLS libraries in them. Used by several threads at once; each call may wait for
/// the file system and for the kernel.
struct FileProber: Sendable {
    let inspector: FileInspector
    let rules: [FunctionRule: Int]
    let uprobe: Later<UprobeProgram>
    let quickAttach: QuickAttach
    /// The only processes that get breakpoints; nil: all.
    let limit: ProcessLimit?
    let identifier: InodeIdentifier
    let table: ProbeTable
    let closer: LinkCloser
    let containers: RuntimeRegistry
    let copiers: CodeCopiers
    let memory: MemoryQuestions<WorkOwner>
    let attachments = Attachments()
    let initialUsers: InitialUsers
    let isExcluded: @Sendable (_ path: String) -> Bool
    /// nil: everybody's files are probed.
    let scope: ProbeScope?
    /// Whose files the user is told of that can't be traced.
    let wantedUsers: WantedUsers
    /// Whether the files of a container are probed before it runs.
    let preparesContainers: Bool
    /// What alone is probed in new containers; nil: all that they may load.
    var targets: [ContainerFile]?
    /// Whose share of the descriptors is used.
    private(set) var owner = WorkOwner.host

    /// The same for another owner.
    func with(owner: WorkOwner) -> FileProber {
        var prober = self
        prober.owner = owner
        return prober
    }

    /// How far a file is looked into.
    enum Depth: Sendable {
        /// Its own symbols: a fraction of a millisecond.
        case symbols
        /// Everything, as far as that is done in a moment; else it counts as unsearched.
        case everythingBriefly
        /// Everything: half a second for the largest.
        case everything
        /// The same, for what runs for long: whatever else wants the processors goes first.
        case everythingPatiently

        /// Whether others wait for the thread.
        var isBrief: Bool {
            switch self {
            case .symbols, .everythingBriefly: true
            case .everything, .everythingPatiently: false
            }
        }
    }

    /// - Parameter shownPath: As the process sees it.
    /// - Parameter open: Opens another file of its system, for versions and debug information that stand there.
    /// - Parameter mapped: How processes map it, where any is known to.
    /// - Parameter isHostView: Whether it was opened as this host sees it.
    /// - Parameter attempts: How often it may change meanwhile.
    func probe(
        _ file: RegularFile, shownPath: String, depth: Depth, open: @escaping (String) -> RegularFile?,
        mapped: ProbeJob.MappedCandidate? = nil, isHostView: Bool = false, attempts: Int = 3
    ) -> ProbeOutcome {
        guard !isExcluded(shownPath) else { return .noLibrary }
        let identity = InodeIdentity(of: file, identifier: identifier)
        if table.isUnwanted(identity, changedAt: file.status.changedAt), !isWanted(mapped) {
            return .unwanted(detail: nil)
        }
        if let known = claim(identity, depth, changedAt: file.status.changedAt) { return known }
        // What others wait for may be called soon, and more of its kind may come.
        if depth.isBrief { quickAttach.prepare() }
        let outcome = probeUnknown(file, identity, shownPath: shownPath, depth, open, mapped, isHostView: isHostView)
        table.finish(identity, outcome)
        // It may be a new link or mode alone.
        if case .changing = outcome, attempts > 1, let again = try? RegularFile(path: file.descriptor.path),
            again.status.changedAt != file.status.changedAt
        {
            return probe(
                again, shownPath: shownPath, depth: depth, open: open, mapped: mapped, isHostView: isHostView,
                attempts: attempts - 1)
        }
        return outcome
    }

    /// Whether a file is to be probed for those who map it. One that is to be probed for another reason has none.
    private func isWanted(_ mapped: ProbeJob.MappedCandidate?) -> Bool {
        guard let scope, let mapped else { return true }
        return mapped.isWanted ?? scope.includes(anyOf: mapped.users)
    }

    /// Looks at all of a file, with the calling thread's priority for a moment at most: a hostile file takes seconds.
    func search(_ file: RegularFile, _ path: String) throws -> FileReport {
        guard Threads.niceness < 0 else { return try inspector.searchLibraries(in: file, path: path) }
        do {
            return try inspector.searchLibraries(in: file, path: path, isBrief: true)
        } catch InspectionError.unfinished {
            return try Threads.withoutPriority { try inspector.searchLibraries(in: file, path: path) }
        }
    }

    /// Waits for another thread that is at this file: mostly it is done within milliseconds. At the start it may wait for
    /// the BPF programs itself, and other files for this thread.
    private func claim(_ identity: InodeIdentity, _ depth: Depth, changedAt: Int64) -> ProbeOutcome? {
        for _ in 0..<Self.patience {
            let known = table.claim(identity, depth, changedAt: changedAt)
            guard case .pending = known, uprobe.isThere else { return known }
            Threads.sleep(milliseconds: 1)
        }
        return .pending
    }

    /// Milliseconds.
    private static let patience = 100

    private func probeUnknown(
        _ file: RegularFile, _ identity: InodeIdentity, shownPath: String, _ depth: Depth,
        _ open: @escaping (String) -> RegularFile?, _ mapped: ProbeJob.MappedCandidate?, isHostView: Bool
    ) -> ProbeOutcome {
        let report: FileReport
        /// Whether it is of all of the file, whatever the depth.
        var isRecalled = false
        let begun = Clock.monotonic
        func ask() -> HarmfulProbe.Question {
            HarmfulProbe.Question(
                .init(
                    path: shownPath, identity: mapped?.identity ?? FileIdentity(status: file.status),
                    users: mapped?.users ?? []), memory)
        }
        // The first call of a program that has just been started may come soon: it is asked while its file is searched.
        let early = mapped?.mappedAt == nil ? nil : ask()
        do {
            switch depth {
            // At the start nobody waits for the thread, and one look is enough for most files of the host.
            case .symbols where mapped != nil && mapped?.mappedAt == nil:
                let look = try inspector.recallLibraries(in: file, path: shownPath, isHostView: isHostView)
                report = look.report
                isRecalled = look.isOfAll
            case .symbols: report = try inspector.findLibraries(in: file, isHostView: isHostView)
            case .everythingBriefly:
                report = try inspector.searchLibraries(in: file, path: shownPath, isBrief: true)
            case .everything: report = try search(file, shownPath)
            case .everythingPatiently:
                report = try Threads.withLowPriority { try inspector.searchLibraries(in: file, path: shownPath) }
            }
        } catch let error as SystemError {
            return .unreadable(error)
        } catch InspectionError.unfinished {
            return .unsearched
        } catch InspectionError.damaged {
            // Not an ELF file, or a damaged one: the loader would not have taken a library from it.
            return .noLibrary
        } catch {
            return .refused("\(shownPath): \(error)")
        }
        let isForeign = report.machine != Host.machine
        guard depth != .symbols || report.isTraceable || isRecalled || isForeign else { return .unsearched }
        if let reason = report.reasonUntraced {
            // Of those that nobody can trace, and of those that may be none, `list` tells; here it would be a line for each
            // Rust program.
            let isCommon = report.libraries.allSatisfy { $0.isUntraceable || $0.isUncertain }
            let words = "\(shownPath): \(reason)"
            return .untraced(
                UntracedFile(report, path: shownPath, identity),
                words: isForeign || isCommon ? .detail(words) : .notice(words))
        }
        let places = report.libraries.flatMap { library in library.functions.map { (library, $0) } }
        guard !places.isEmpty else { return .noLibrary }

        // Only now: most files hold no library, and are known by that from then on.
        guard isWanted(mapped) else {
            return .unwanted(detail: "not probed: \(shownPath), which nobody maps who is wanted")
        }

        if let harm = findCopiers(
            of: identity, early ?? ask(), file, at: places.map(\.1.probeOffset), shownPath)
        {
            return .avoided(harm, file: nil)
        }
        if let harm = harm(to: identity, shownPath) { return .avoided(harm, file: nil) }

        func references(_ versions: [String?]) -> [LibraryReference] {
            zip(places, versions).map { place, version in
                LibraryReference(
                    kind: place.0.kind, version: version, path: shownPath, buildID: report.buildID,
                    function: place.1.function, located: place.1.located.rawValue)
            }
        }
        let sibling = Siblings.opener(of: shownPath, open)
        let unversioned = references(places.map { _ in nil })
        let code = places.map { ProbedCode(file, at: $0.1.probeOffset) }
        guard !table.isStale(identity, code) else {
            return .refused(
                "\(shownPath): it was cut off while it was probed, and has other code by now; the kernel may have kept "
                    + "what was there before")
        }
        let index: UInt32
        do {
            index = try table.register(
                unversioned, code: code, identity, file.status, owner: owner,
                descriptors: descriptors(forPlaces: places.count))
        } catch let limit as OwnersLimit {
            return .crowded(limit)
        } catch {
            return .refused("\(shownPath): \(error)")
        }
        // Probes stand at offsets: a file that is rewritten in place is to be let go at once. One that can't be watched
        // is probed all the same, as all are where there is no monitor.
        var unwatched: SystemError?
        do throws(SystemError) { try table.watch(index, file) } catch { unwatched = error }
        // What was found holds for the file as it was opened. From here on a change is told.
        guard (try? FileStatus(descriptor: file.descriptor, path: shownPath))?.changedAt == file.status.changedAt else {
            table.unregister(index, identity)
            return .changing
        }
        let points = places.enumerated().compactMap { offset, place in
            rules[place.1.rule].map { rule in
                ProbePoint(
                    offset: place.1.probeOffset, cookie: Cookie(file: index, point: offset, rule: rule).rawValue)
            }
        }
        do {
            let links = try attachments.during(shownPath) { try attach(file, points) }
            // Of processes that have ended.
            guard !links.isEmpty else {
                table.unregister(index, identity)
                return .vanished
            }
            let probed = ProbedFile(number: index, since: Clock.monotonic)
            guard table.complete(index, links: links) else {
                closer.closeAtOnce(ProbeTable.Released(identity: identity, links: links))
                return .changing
            }
            // Such a process may have come meanwhile, and found no probe to take out.
            if let harm = harm(to: identity, shownPath) {
                if let released = table.release(index) { closer.closeHere(released) }
                return .avoided(harm, file: nil)
            }
            // The version takes longer than all the rest: it comes after the probe.
            let versions = places.map {
                $0.0.version
                    ?? (try? inspector.version(of: $0.0.kind, in: file, isBrief: depth.isBrief, openNeeded: sibling))
            }
            table.describe(index, references(versions))
            let list = places.map { "\($0.0.kind) \($0.1.function) at \($0.1.probeOffset)" }
            let detail = "probed \(shownPath): \(list.joined(separator: ", "))"
            // By these a line can be laid beside what others saw of the same file.
            let took = (probed.since - begun) / 1_000_000
            let facts = "build ID \(report.buildID ?? "none"), monotonic time \(probed.since) ns, took \(took) ms"
            return .traced(probed, detail: "\(detail); \(facts)\(unwatched.map { "; \($0)" } ?? "")")
        } catch {
            table.unregister(index, identity)
            return .refused("\(shownPath): \(error)")
        }
    }

    /// Of a probed file: its links', and one to watch it by.
    private func descriptors(forPlaces count: Int) throws -> Int {
        try (uprobe.get().method == .multi ? 1 : count) * (limit?.pids.count ?? 1) + 1
    }

    private func attach(_ file: RegularFile, _ points: [ProbePoint]) throws -> [BPFLink] {
        let program = try uprobe.get()
        let path = file.descriptor.path
        return try limit?.attach(program, path: path, points: points) ?? program.attach(path: path, points: points)
    }
}

extension InodeIdentity {
    /// What uprobes see; where the kernel can't be asked, what `stat` says.
    init(of file: RegularFile, identifier: InodeIdentifier) {
        let stated = FileIdentity(status: file.status)
        // Anonymous device numbers (major 0) are those of overlay, btrfs and their like.
        if stated.device >> 20 == 0, FileSystemKind(of: file.descriptor) != .memory,
            let known = identifier.identity(ofDescriptor: file.descriptor.number)
        {
            self = known
        } else {
            self.init(device: stated.device, inode: stated.inode)
        }
    }
}
