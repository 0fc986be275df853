internal import Containers
internal import LibBPF
internal import OS
internal import Processes
internal import TLSLibraries

/// The thread that owns the BPF programs' records: it reads them, says whose they are and passes them on, and sends
/// new files to the probing threads. It waits for nothing but its descriptors.
final class EventLoop {
    /// What other threads tell it.
    enum Message: Sendable {
        case probing(ProbePool.Report)
        case docker(DockerChange)
        case probes(ProbeKeeper.Report)
        case monitored(MonitorReader.Report)
        case cgroups(CgroupReader.Report)
        case stop
    }

    private enum Tag {
        static let mailbox: UInt32 = 0
        static let calls: UInt32 = 1
        static let mappings: UInt32 = 2
        static let reports: UInt32 = 3
    }

    private static let batchSize = 512
    /// As the audit daemon's: what it does for a record is little, and what it does too late is lost.
    static let niceness: Int32 = -4
    /// How long records of a lane, or reports, are read at a time; nanoseconds.
    static let longestReading: Int64 = 4_000_000
    /// How long the end waits for the session's reader; nanoseconds.
    private static let patienceAtEnd: Int64 = 3_000_000_000

    private let poller: Poller
    /// All but the records of calls.
    private let pacer: Poller
    private let mailbox: Mailbox<Message>
    let program: TracerProgram
    private var records: RecordReader
    private let reports: ReportRing
    private let table: ProbeTable
    var probes: ProbeKeeper
    var containers: ContainerTracker
    var start: StartUp
    var output: Output
    var isStopping = false
    private var lastCheck: Int64 = 0
    private var losses: LossAccount
    private var origins = OriginCache()
    /// Whether no record waits for the next turn.
    private var isReadOut = true
    /// Lanes of which all is read that came before the end.
    private var ended: Set<Lane> = []
    /// Control groups that went, until the calls in them are read.
    private var removals: [CgroupRecord] = []
    private static let mostRemovals = 4096
    /// Control groups that are gone, and may have paid for calls.
    private var formerPayers: [UInt64] = []
    private var summary = SessionSummary()
    private var clockOffset: Int64 = 0
    /// Reports of other threads that are still to be read.
    private var messages: ArraySlice<Message> = []
    /// Events whose container is being found out, which takes milliseconds.
    private var deferred = DeferredEvents()
    private var isDeferralFull = false
    /// The longest that it was away from its descriptors since all was probed; nanoseconds.
    private var longestTurn: Int64 = 0
    /// By how much its last wait was too long; nanoseconds.
    private var lateness: Int64 = 0

    /// How long an event waits for the name of its container; nanoseconds. Without it the row has the short id.
    private static let patienceWithState: Int64 = 500_000_000

    init(
        parts: SessionParts, mailbox: Mailbox<Message>, output: consuming Output
    ) throws {
        poller = try Poller()
        pacer = try Poller()
        self.mailbox = mailbox
        program = parts.program
        records = try RecordReader(parts.program)
        reports = try parts.program.reportRing()
        losses = LossAccount(parts.program)
        table = parts.table
        probes = ProbeKeeper(parts) { mailbox.post(.probes($0)) }
        containers = parts.containers
        start = StartUp(readiness: parts.readiness)
        self.output = output
        try poller.add(records.descriptor, tag: Tag.calls)
        try add(reports.descriptor, tag: Tag.reports)
        try add(mailbox.descriptor, tag: Tag.mailbox)
        if let descriptor = probes.descriptor { try add(descriptor, tag: Tag.mappings) }
    }

    private func add(_ descriptor: Int32, tag: UInt32) throws(SystemError) {
        try poller.add(descriptor, tag: tag)
        try pacer.add(descriptor, tag: tag)
    }

    /// Runs until it is told to stop.
    /// - Parameter jobs: What is to be done before the session is ready; it has begun.
    func run(jobs: [UInt64]) throws -> SessionSummary {
        start.begin(jobs)
        setClock()
        // The threads that inspect files are many, and keep the processors busy while users make them.
        Threads.prefer(niceness: Self.niceness)
        while !isStopping {
            let tags = try wait()
            let begun = Clock.monotonic
            // Names of containers and files first: records are attributed by them.
            if tags.contains(Tag.mailbox) { messages += mailbox.take() }
            readMessages()
            if tags.contains(Tag.mappings) { readMappings() }
            if tags.contains(Tag.reports) { readReports() }
            readRecords()
            for container in containers.takeNewlyWanted() { probes.include(container) }
            for notice in containers.takeNotices() { output.add(.notice(notice)) }
            for item in probes.takeItems() { output.add(item) }
            try finishStartIfDone()
            deliverOverdue()
            probes.retryDue(isKnown: containers.isKnown)
            checkNowAndThen()
            output.flush()
            let turn = Clock.monotonic - begun
            if start.isFinished { longestTurn = max(longestTurn, turn) }
            records.pace(after: max(lateness, turn - 2 * Self.longestReading, output.takeLongestWait()))
        }
        output.add(.detail("the event loop's longest turn took \(longestTurn / 1000) µs"))
        if !start.isFinished { output.finishStart(nil) }
        readReports()
        readRest()
        for event in deferred.takeAll() { deliver(event) }
        reportLosses()
        output.flush()
        summary.lateness = probes.lateness
        summary.untraced = probes.untraced
        summary.lost = losses.total
        return summary
    }

    /// Waits for something to do.
    private func wait() throws(SystemError) -> [UInt32] {
        lateness = 0
        // Others come first, as far as there are any.
        if hasMore || !isReadOut && !records.isPressed { return try pacer.wait(milliseconds: 0) }
        if !isReadOut { return try waitForPace() }
        if records.mayFallAsleep {
            records.fallAsleep()
            // What came just before wakes nobody.
            readRecords()
        }
        guard records.mayFallAsleep else {
            records.wakeUp()
            return try waitForPace()
        }
        defer { records.wakeUp() }
        let hasTime = start.isFinished && deferred.isEmpty
        return try poller.wait(milliseconds: hasTime ? (probes.isRetrying ? 50 : 500) : 10)
    }

    private func waitForPace() throws(SystemError) -> [UInt32] {
        let due = Clock.monotonic + Int64(RecordReader.pace) * 1_000_000
        defer { lateness = Clock.monotonic - due }
        return try pacer.wait(milliseconds: RecordReader.pace)
    }

    /// Whether what other threads report takes longer than a turn.
    private var hasMore: Bool { !messages.isEmpty || probes.hasUnseenFiles }

    private func readMessages() {
        guard hasMore else { return }
        let end = Clock.monotonic + Self.longestReading
        origins.clear()
        while let message = messages.popFirst() {
            read(message)
            guard Clock.monotonic < end else { return }
        }
        while probes.hasUnseenFiles, Clock.monotonic < end { probes.lookFurther() }
    }

    private func readMappings() {
        probes.readMappings { containers.noteExecution($0.path, pid: $0.pid) }
    }

    func act(on consequence: ContainerTracker.Consequence) {
        switch consequence {
        case .none: break
        case .job(let job): probes.submit(job)
        case .ended(let key): probes.ended(container: key)
        }
    }

    private func readReports() {
        let begun = Clock.monotonic
        reports.drain { record in
            switch record {
            case .cgroup(let record): take(record)
            case .trapped(let record): probes.tell(trapped: record)
            case .mapping:
                // These come by a ring buffer of their own.
                break
            }
            return Clock.monotonic - begun < Self.longestReading
        }
    }

    private func take(_ record: CgroupRecord) {
        guard record.isCreated else {
            if removals.count >= Self.mostRemovals { applyRemovals() }
            return removals.append(record)
        }
        // A container that starts anew has the path that it had before.
        if removals.contains(where: { $0.path == record.path }) { applyRemovals() }
        apply(record)
    }

    private func applyRemovals() {
        for record in removals {
            apply(record)
            if record.isUnified { formerPayers.append(record.id) }
        }
        removals = []
    }

    private func apply(_ record: CgroupRecord) {
        origins.clear()
        act(on: containers.apply(record, program))
    }

    /// - Parameter end: Calls that were made later are left alone, and whatever comes behind them; CLOCK_MONOTONIC,
    ///   nanoseconds.
    /// - Returns: Whether no record is left.
    @discardableResult
    private func readRecords(until end: UInt64 = .max) -> Bool {
        // What the session's reader has no room for waits in the ring buffer.
        let mostBulk = records.mostWaiting(of: ItemQueue.mostEvents(.bulk))
        func isFull(_ lane: Lane) -> Bool {
            output.isFull(lane, most: lane == .quick ? ItemQueue.mostEvents(.quick) : mostBulk)
        }
        let full = Lane.allCases.filter(isFull)
        let lanes = Lane.allCases.filter { !full.contains($0) && !ended.contains($0) }
        var count = 0
        isReadOut = records.read(from: lanes) { record, lane in
            guard record.time <= end else {
                ended.insert(lane)
                return false
            }
            deliver(record, lane)
            count += 1
            guard count % Self.batchSize == 0 else { return true }
            // The reader begins while the rest is read.
            output.flush()
            return !isFull(lane)
        }
        guard full.isEmpty else {
            losses.hasWaited = true
            return false
        }
        if isReadOut, !removals.isEmpty { applyRemovals() }
        return isReadOut
    }

    /// What is in the ring buffers at the end, at the reader's speed, as long as it goes on.
    private func readRest() {
        let end = UInt64(Clock.monotonic)
        var progress = output.progress
        var deadline = Clock.monotonic + Self.patienceAtEnd
        while Clock.monotonic < deadline {
            let isComplete = readRecords(until: end)
            output.flush()
            if isComplete { return }
            if output.progress != progress {
                progress = output.progress
                deadline = Clock.monotonic + Self.patienceAtEnd
            }
            Threads.sleep(milliseconds: 1)
        }
        var isRead = false
        while !isRead {
            isRead = records.read(from: Lane.allCases.filter { !ended.contains($0) }) { record, lane in
                guard record.time <= end else {
                    ended.insert(lane)
                    return false
                }
                losses.count(.slowOutput)
                return true
            }
        }
    }

    private func deliver(_ record: ServerNameRecord, _ lane: Lane) {
        if let known = origins[record.caller] { return deliver(record, lane, known) }
        // Its control group may be newer than the last look.
        readReports()
        deliver(record, lane, by: Clock.monotonic + Self.patienceWithState)
    }

    /// Delivers it, now or once it is known whose it is.
    /// - Parameter answered: What it has waited for; it is not asked twice.
    private func deliver(_ record: ServerNameRecord, _ lane: Lane, by deadline: Int64, answered: String? = nil) {
        switch containers.container(of: record) {
        case .known(let container):
            deliver(record, lane, container, isCertain: true)
        case .pending(let key, let cgroup):
            let mayWait = key != answered && deadline > Clock.monotonic
            if mayWait, wait(DeferredEvents.Event(record: record, lane: lane, deadline: deadline), for: key) { return }
            deliver(record, lane, unresolvedIn: cgroup)
        case .unfinished(let container, let key):
            let event = DeferredEvents.Event(record: record, lane: lane, container: container, deadline: deadline)
            if !wait(event, for: key) { deliver(record, lane, container) }
        }
    }

    /// - Returns: false where there is no room for it.
    private func wait(_ event: DeferredEvents.Event, for key: String) -> Bool {
        if deferred.add(event, waitingFor: key) { return true }
        noteFullDeferral()
        return false
    }

    private func deliver(_ record: ServerNameRecord, _ lane: Lane, unresolvedIn cgroup: String?) {
        deliver(record, lane, cgroup.flatMap { containers.stub(forCgroup: $0, record) })
    }

    private func noteFullDeferral() {
        guard !isDeferralFull else { return }
        isDeferralFull = true
        output.add(
            .notice(
                "more than \(DeferredEvents.mostOfPayer) calls wait for the name of their container; some show without it"
            ))
    }

    /// - Parameter isCertain: Whether the next call of the same caller has the same container.
    private func deliver(
        _ record: ServerNameRecord, _ lane: Lane, _ container: Container?, isCertain: Bool = false
    ) {
        guard let library = table.reference(cookie: record.caller.cookie) else { return losses.count(.probeRemoved) }
        let entry = OriginCache.Entry(
            origin: CallOrigin(record.caller, container, library), treatment: program.treatment(of: record.caller))
        if isCertain { origins.insert(entry) }
        deliver(record, lane, entry)
    }

    private func deliver(_ record: ServerNameRecord, _ lane: Lane, _ known: OriginCache.Entry) {
        var name = record.name
        // The end of a name that was cut off is not known.
        if let given = name, !record.isNameTruncated, !known.treatment.isEmpty {
            guard let sent = known.treatment.sentName(given) else { return }
            name = sent
        }
        summary.events += 1
        if name == nil { summary.unreadableNames += 1 }
        output.add(
            ServerNameEvent(
                timestamp: Int64(record.time) + clockOffset, name: name, isNameTruncated: record.isNameTruncated,
                connectionAddress: record.connection, origin: known.origin), lane)
    }

    /// Delivers events whose question is answered; there may be a next one.
    func deliverDeferred(waitingFor key: String) {
        for event in deferred.take(waitingFor: key) {
            if event.container != nil {
                deliver(event)
            } else {
                deliver(event.record, event.lane, by: event.deadline, answered: key)
            }
        }
    }

    private func deliverOverdue() {
        for event in deferred.takeOverdue(at: Clock.monotonic) { deliver(event) }
    }

    /// Delivers an event that has waited for long enough.
    private func deliver(_ event: DeferredEvents.Event) {
        if let container = event.container {
            deliver(event.record, event.lane, containers.current(container))
            return
        }
        switch containers.container(of: event.record) {
        case .known(let container): deliver(event.record, event.lane, container)
        case .unfinished(let container, _): deliver(event.record, event.lane, container)
        case .pending(_, let cgroup): deliver(event.record, event.lane, unresolvedIn: cgroup)
        }
    }

    private func finishStartIfDone() throws {
        if let readiness = start.readinessIfDone() {
            let readiness = counted(readiness)
            // Every probe that is in place has shown already that it can be.
            if readiness.files == 0 { try program.uprobe.tryAttaching() }
            output.finishStart(readiness)
        } else if let readiness = start.completionIfDone() {
            output.add(.complete(counted(readiness)))
        }
    }

    private func counted(_ readiness: Readiness) -> Readiness {
        var readiness = readiness
        (readiness.libraries, readiness.files) = table.counts
        readiness.containers = containers.count
        readiness.untraced = probes.untraced
        return readiness
    }

    private func checkNowAndThen() {
        let now = Clock.monotonic
        guard now - lastCheck > 500_000_000 else { return }
        lastCheck = now
        setClock()
        // Probes are taken out by other threads, and namespaces end unseen.
        origins.clear()
        reportLosses()
        // Theirs is on this thread's heap.
        if output.takeWorkedOff() { Host.returnFreePages() }
        // What the kernel could not report makes no descriptor readable.
        readMappings()
        for key in containers.removeEnded() { probes.ended(container: key) }
        if start.isFinished { probes.checkNowAndThen() }
    }

    /// Follows steps of the wall clock.
    private func setClock() {
        clockOffset = Clock.realtime - Clock.monotonic
    }

    private func reportLosses() {
        for loss in losses.takeNew(&containers.directory) {
            output.add(.lost(loss))
            if loss.reason == .containersMissed { containers.makeUpForLosses() }
        }
        for cgroup in formerPayers { program.removePayer(cgroup: cgroup) }
        formerPayers = []
    }
}
