internal import Containers
internal import LibBPF
internal import OS
internal import Processes
internal import TLSLibraries

/// Which files are probed: those that processes map, those that containers and loaders will, and for how long. Sends
/// what may wait to other threads and is told what came of it. Belongs to the event loop.
struct ProbeKeeper {
    /// What other threads found out.
    enum Report: Sendable {
        case finished(ProbeJob, WorkOwner, [ProbeOutcome])
        case rescanned(Result<ProcessScan, SystemError>)
        case swept(ProbeSweep.Findings)
        case modified(ProbeTable.Modified)
    }

    /// Between two looks for files that nobody maps any more; nanoseconds.
    private static let sweepInterval: Int64 = 2_000_000_000

    private let mappings: MappingWatch?
    let table: ProbeTable
    private let pool: ProbePool
    let closer: LinkCloser
    private let post: @Sendable (Report) -> Void
    var candidates: MappedCandidates
    var lifetimes = ProbeLifetimes()
    private var isSweeping = false
    private var nextSweep: Int64 = 0
    /// What a scan has found and was not looked at yet.
    private var unseen: ArraySlice<ProcessScan.File> = []
    private var isRescanning = false
    private var isRescanWanted = false
    private let cache: FindingCache?
    /// Files of this host that the user named.
    let hostTargets: Set<String>
    /// Jobs whose file was being modified, and when they are done again; CLOCK_MONOTONIC, nanoseconds.
    var retries: [(at: Int64, job: ProbeJob)] = []
    /// When all processes are looked at because a file was modified, and when they last were; CLOCK_MONOTONIC,
    /// nanoseconds.
    var modifiedRescan: Int64?
    var lastModifiedRescan: Int64 = 0
    /// Whose files are not probed.
    let copiers: CodeCopiers
    let memory: MemoryQuestions<WorkOwner>
    /// Files of this host that could not be probed because of them.
    var avoidedPaths: Set<String> = []
    /// When they are looked at again; CLOCK_MONOTONIC, nanoseconds.
    var nextCopierCheck: Int64 = 0
    /// How many of them are being looked at.
    var copiersInCheck = 0
    /// Of which probes the user was told that they would do harm.
    var toldHarm: Set<String> = []
    /// The same of processes that died of SIGTRAP: as many as there are notices.
    var toldTraps: [WorkOwner: Set<String>] = [:]
    /// What the user should know.
    var items: [SessionItem] = []
    /// Jobs that go on with what others began.
    private var followUps: [UInt64] = []
    var notices = NoticeLimits()
    /// What was probed too late, or never.
    private(set) var lateness = Lateness()
    /// What can't be traced.
    private(set) var untraced = UntracedFiles()
    /// Whether a process descends from the command that the session traces; nil: it traces none.
    private let isFollowed: (@Sendable (Int32) -> Bool)?

    /// - Parameter post: Sends a report to the thread that owns this value, which hands it to `apply`.
    init(_ parts: SessionParts, post: @escaping @Sendable (Report) -> Void) {
        mappings = parts.mappings
        table = parts.table
        pool = parts.pool
        closer = parts.closer
        copiers = parts.copiers
        memory = parts.memory
        candidates = parts.candidates
        hostTargets = Set(parts.hostTargets)
        cache = parts.cache
        isFollowed = parts.isFollowed
        self.post = post
    }

    /// Readable when there is something to `readMappings`.
    var descriptor: Int32? { mappings?.descriptor }

    /// Whether it is told what processes map.
    var seesMappings: Bool { mappings != nil }

    /// What the user should know, once.
    mutating func takeItems() -> [SessionItem] {
        defer { items = [] }
        return items
    }

    /// The numbers of jobs that go on with what others began, once.
    mutating func takeFollowUps() -> [UInt64] {
        defer { followUps = [] }
        return followUps
    }

    /// - Returns: The job's number.
    @discardableResult
    func submit(_ job: ProbeJob) -> UInt64 { pool.submit([job])[0] }

    /// Has a file looked into that processes map.
    private func look(at candidate: ProbeJob.MappedCandidate) {
        var candidate = candidate
        // Now: the process may have ended when its file is found to be one that can't be traced.
        candidate.isFollowed = isFollowed.map { isFollowed in candidate.users.contains { isFollowed($0.pid) } }
        submit(.mapped(candidate))
    }

    /// A container is gone. What was probed for it alone goes too, once nobody maps it.
    mutating func ended(container key: String) {
        lifetimes.ended(container: key)
        // Soon: a probe keeps its file from leaving the disk.
        nextSweep = min(nextSweep, Clock.monotonic)
    }

    /// Takes in what was mapped since the last time.
    /// - Parameter see: Is shown each mapping.
    mutating func readMappings(_ see: (ExecutableMapping) -> Void) {
        guard let mappings else { return }
        let gap = mappings.drain { mapping in
            let isForOthers = candidates.isProbedOrPending(mapping)
            let isSpared = spareKnown(mapping)
            // The loader maps what the program needs in a fraction of a millisecond: first of all.
            switch candidates.verdict(on: mapping) {
            case .nothing: break
            case .look(let candidate): look(at: candidate)
            case .traced(let file, let identity, let user):
                lifetimes.mapped(file.number, as: identity, by: user)
                lateness.note(file, mappedAt: [mapping.time])
            }
            see(mapping)
            if !isSpared { spare(mapping, isForOthers: isForOthers) }
        }
        if gap.dropped > 0 {
            items.append(
                .notice(
                    "\(gap.dropped) reports of loaded libraries were missed (too many at once); all processes are "
                        + "looked at again, but one that has ended by now may have gone untraced"))
        }
        for failure in gap.failures {
            items.append(.notice("\(failure); libraries that are first mapped on a CPU that comes online go untraced"))
        }
        // Whoever maps files as fast as he can is no reason for one scan after the other.
        if gap.dropped > 0 || gap.isCPUNew { rescanSoon(after: 0) }
    }

    /// - Parameter isKnown: Whether a container, by its key, is there or about to be.
    mutating func apply(_ report: Report, isKnown: (String) -> Bool) {
        switch report {
        case .finished(let job, let owner, let outcomes):
            finish(job, owner, outcomes.map(current), isKnown)
        case .rescanned(let scan):
            lookAgain(scan)
        case .swept(let findings):
            release(findings)
        case .modified(let file):
            letGo(file)
        }
    }

    /// An outcome as it is now: the file may have been modified while the report was on its way.
    private func current(_ outcome: ProbeOutcome) -> ProbeOutcome {
        if case .traced(let file, _) = outcome, !table.isProbed(file.number) { .changing } else { outcome }
    }

    private mutating func finish(
        _ job: ProbeJob, _ owner: WorkOwner, _ outcomes: [ProbeOutcome], _ isKnown: (String) -> Bool
    ) {
        for outcome in outcomes {
            if let file = tell(outcome, of: owner) { keep(file, for: job, isKnown) }
        }
        var awaited = outcomes[...]
        switch job {
        case .mapped(let candidate), .search(let candidate):
            guard let own = outcomes.first else { break }
            settle(candidate, own)
            if case .untraced(let file?, _) = own { untraced.insert(file) }
            if own.isUnsearched { followUps.append(submit(.search(candidate))) }
            // What the file needs is looked into when it is mapped itself.
            awaited = outcomes.prefix(1)
        case .copier(_, let wasKnown): finishCopier(outcomes, wasKnown: wasKnown)
        case .path, .container, .starting, .rest, .root: break
        }
        if awaited.contains(where: \.isChanging) {
            retry(job)
        } else if awaited.contains(where: \.isPending) {
            retry(job, after: Self.pendingInterval)
        }
        if case .path(let path, _) = job, outcomes.first?.isAvoided == true { avoidedPaths.insert(path) }
        if case .path(let path, _) = job, hostTargets.contains(path), outcomes.first?.isWithoutFunction == true {
            items.append(.notice("not traced any more: no TLS function was found in \(path) as it is now"))
        }
    }

    /// Takes in what came of a file that a process maps.
    private mutating func settle(_ candidate: ProbeJob.MappedCandidate, _ outcome: ProbeOutcome) {
        guard let waited = candidates.settle(candidate, outcome) else { return }
        switch outcome {
        case .traced(let file, _):
            lateness.note(file, mappedAt: waited)
            lifetimes.mapped(file.number, as: candidate.identity, by: candidate.users.first)
        // runc runs from a copy of itself, a new one for each container (CVE-2019-5736): gone soon, and no TLS in it.
        case .vanished where candidate.path.hasPrefix("/memfd:runc_cloned:"):
            break
        case .vanished:
            lateness.vanishedFiles += max(waited.count, 1)
        case .noLibrary, .unsearched, .refused, .untraced, .unreadable, .pending, .changing, .crowded, .avoided,
            .unwanted,
            .copying,
            .copierEnded:
            break
        }
    }

    private mutating func keep(_ file: ProbedFile, for job: ProbeJob, _ isKnown: (String) -> Bool) {
        switch job {
        case .mapped, .search:
            lifetimes.foreseen(file.number)
        case .path(let path, _):
            lifetimes.found(file.number, at: path)
        case .copier: break
        case .container(let key, _), .root(_, let key):
            keep(file, forContainer: key, isKnown)
        case .rest(let rest):
            keep(file, forContainer: rest.container, isKnown)
        case .starting(let container):
            keep(file, forContainer: StartingContainers.key(container), isKnown)
        }
    }

    /// A container that has ended meanwhile needs it no more: a sweep finds out whether anybody does.
    private mutating func keep(_ file: ProbedFile, forContainer key: String, _ isKnown: (String) -> Bool) {
        lifetimes.needed(file.number, by: key)
        if !isKnown(key) { lifetimes.ended(container: key) }
    }

    /// Does what is due: threads that are stuck are replaced, files that nobody maps any more are looked for.
    mutating func checkNowAndThen() {
        pool.checkNowAndThen()
        if let failure = cache?.takeFailure() {
            items.append(.notice("\(failure); what is found in files is not kept for the next start"))
        }
        checkCopiers()
        for file in table.takeCut() {
            letGo(file)
            if let released = file.released { closer.closeAtOnce(released) }
        }
        let passedOver = candidates.takePassedOver()
        if passedOver > 0 {
            let notice = "\(passedOver) mapped files were passed over, as too many others wait to be inspected"
            tell(notice, kind: "files passed over", .host)
        }
        guard !isSweeping, Clock.monotonic > nextSweep, let sweep = lifetimes.sweep() else { return }
        do throws(SystemError) {
            try Threads.start(name: "sweep") { [post, table] in
                // Without /proc nothing is known, and nothing is released.
                let findings = try? sweep.run { table.status(of: $0) }
                post(.swept(findings ?? ProbeSweep.Findings(startedAt: sweep.startedAt)))
            }
            isSweeping = true
        } catch {
            // No thread can be had just now; what nobody maps stays probed for longer.
            nextSweep = Clock.monotonic + Self.sweepInterval
        }
    }

    private mutating func release(_ findings: ProbeSweep.Findings) {
        isSweeping = false
        let now = Clock.monotonic
        // At most a hundredth of one processor's time.
        nextSweep = now + 100 * (now - findings.startedAt)
        for path in findings.newPaths { submit(.path(path, .symbols)) }
        for (file, identities) in lifetimes.apply(findings) {
            candidates.forget(identities)
            closer.close(table.release(file))
        }
        if !lifetimes.isInDoubt { nextSweep = max(nextSweep, now + Self.sweepInterval) }
    }

    /// After missed reports, or modified files: whatever is mapped now is looked at again, by a thread that may wait for
    /// it.
    mutating func beginRescan() {
        // What is missed while a scan runs may be behind it: another one follows.
        isRescanWanted = isRescanning
        guard !isRescanning else { return }
        do throws(SystemError) {
            try Threads.start(name: "scan") { [post] in
                post(.rescanned(Result { () throws(SystemError) in try ProcessScan.run() }))
            }
            isRescanning = true
        } catch {
            // No thread can be had just now.
            modifiedRescan = Clock.monotonic + Self.pendingInterval
        }
    }

    /// A container is wanted that was not: what it maps is looked at again.
    mutating func include(_ container: Container) {
        if let pid = container.initPid, pid > 0 { submit(.root("/proc/\(pid)/root", container: container.key)) }
        rescanSoon()
    }

    /// Looks at some of what processes map.
    mutating func lookFurther() {
        for file in unseen.prefix(Self.mostAtOnce) {
            if let candidate = candidates.candidate(for: file) { look(at: candidate) }
        }
        unseen.removeFirst(min(unseen.count, Self.mostAtOnce))
    }

    var hasUnseenFiles: Bool { !unseen.isEmpty }

    /// Some µs for each.
    private static let mostAtOnce = 256

    private mutating func lookAgain(_ scan: Result<ProcessScan, SystemError>) {
        isRescanning = false
        if isRescanWanted { beginRescan() }
        switch scan {
        case .success(let scan):
            unseen += scan.files
            for pid in scan.unanswered { submit(.copier(pid: pid, isKnown: false)) }
        case .failure(let error):
            items.append(.notice("\(error); libraries that were mapped just now may go untraced"))
        }
    }
}

/// What was probed after a process could have used it.
public struct Lateness: Sendable {
    /// How often a process had mapped a library before its probes were in place. Its calls up to then were not seen; it
    /// need not have made any.
    public internal(set) var attachments: UInt64 = 0
    /// The longest time between the two, nanoseconds.
    public internal(set) var worst: Int64 = 0
    /// Mapped files that were gone before they could be looked into.
    public internal(set) var vanishedFiles: UInt64 = 0

    mutating func note(_ file: ProbedFile, mappedAt waiting: MappedCandidates.Waiting) {
        note(file, mappedAt: waiting.times)
        attachments += waiting.further
    }

    mutating func note(_ file: ProbedFile, mappedAt times: [Int64]) {
        for time in times where time < file.since {
            attachments += 1
            worst = max(worst, file.since - time)
        }
    }
}
