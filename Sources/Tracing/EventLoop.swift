internal import Containers
internal import LibBPF
internal import OS
internal import Processes

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
        static let records: UInt32 = 1
        static let mappings: UInt32 = 2
    }

    /// Between two looks into the ring while records come thick; milliseconds.
    private static let pace: Int32 = 2
    private static let batchSize = 512
    /// As the audit daemon's: what it does for a record is little, and what it does too late is lost.
    private static let niceness: Int32 = -4
    /// How many records are read between two looks at the clock.
    private static let timedSize = 16
    /// How long records, or reports, are read at a time; nanoseconds.
    static let longestReading: Int64 = 4_000_000
    /// How long records wait in the ring buffer for the session's reader; nanoseconds.
    private static let patienceWithReader: Int64 = 500_000_000
    /// How long the end waits for it.
    private static let patienceAtEnd: Int64 = 3_000_000_000

    private let poller: Poller
    /// All but the records.
    private let pacer: Poller
    private let mailbox: Mailbox<Message>
    let program: TracerProgram
    private let ring: RingBuffer
    private let table: ProbeTable
    var probes: ProbeKeeper
    var containers: ContainerTracker
    var start: StartUp
    var output: Output
    var isStopping = false
    private var isPaced = false
    private var isPatienceOver = false
    private var lastProgress: UInt64 = 0
    private var lastProgressAt: Int64 = 0
    private var lastRead: Int64 = 0
    private var lastCheck: Int64 = 0
    private var reportedLosses: [LossReason: UInt64] = [:]
    /// What is lost in user space, by reason, beside what the kernel counts.
    private var ownLosses: [LossReason: UInt64] = [:]
    private var summary = SessionSummary()
    private var clockOffset: Int64 = 0
    /// Reports of other threads that are still to be read.
    private var messages: ArraySlice<Message> = []
    /// Events whose container is being found out, which takes milliseconds.
    private var deferred = DeferredEvents()
    private var isDeferralFull = false
    /// The longest that it was away from its descriptors since all was probed; nanoseconds.
    private var longestTurn: Int64 = 0

    /// How long an event waits for the name of its container; nanoseconds. Without it the row has the short id.
    private static let patienceWithState: Int64 = 500_000_000

    init(
        parts: SessionParts, mailbox: Mailbox<Message>, output: consuming Output
    ) throws {
        poller = try Poller()
        pacer = try Poller()
        self.mailbox = mailbox
        program = parts.program
        ring = try parts.program.ringBuffer()
        table = parts.table
        probes = ProbeKeeper(parts) { mailbox.post(.probes($0)) }
        containers = parts.containers
        start = StartUp(readiness: parts.readiness)
        self.output = output
        try poller.add(ring.descriptor, tag: Tag.records)
        try poller.add(mailbox.descriptor, tag: Tag.mailbox)
        try pacer.add(mailbox.descriptor, tag: Tag.mailbox)
        if let descriptor = probes.descriptor {
            try poller.add(descriptor, tag: Tag.mappings)
            try pacer.add(descriptor, tag: Tag.mappings)
        }
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
            let begun = start.isFinished ? Clock.monotonic : nil
            // Names of containers and files first: records are attributed by them.
            if tags.contains(Tag.mailbox) { messages += mailbox.take() }
            readMessages()
            if tags.contains(Tag.mappings) { readMappings() }
            if tags.contains(Tag.records) { readRecords() }
            for container in containers.takeNewlyWanted() { probes.include(container) }
            for notice in containers.takeNotices() { output.add(.notice(notice)) }
            for item in probes.takeItems() { output.add(item) }
            try finishStartIfDone()
            deliverOverdue()
            probes.retryDue(isKnown: containers.isKnown)
            checkNowAndThen()
            output.flush(&ownLosses)
            if let begun { longestTurn = max(longestTurn, Clock.monotonic - begun) }
        }
        try readRest()
        for event in deferred.takeAll() { deliver(event) }
        output.add(.detail("the event loop's longest turn took \(longestTurn / 1000) µs"))
        if !start.isFinished { output.finishStart(nil) }
        reportLosses()
        output.flush(&ownLosses)
        summary.lateness = probes.lateness
        summary.lost = losses().filter { $0.value > 0 }
        // An event is either captured or lost.
        summary.events -= ownLosses[.slowOutput, default: 0]
        return summary
    }

    /// Waits for something to do.
    ///
    /// The kernel wakes this thread for each record that finds the ring read out, which costs both sides more than the
    /// record does. While records come thick, they are looked for each few milliseconds instead.
    private func wait() throws(SystemError) -> [UInt32] {
        noteProgress()
        // Others come first, as far as there are any.
        if hasMore { return try poller.wait(milliseconds: 0) }
        // The reader is slower: the ring buffer holds several times more.
        if output.isFull && isPatient { return try pacer.wait(milliseconds: Self.pace) }
        guard isPaced else {
            let hasTime = start.isFinished && deferred.isEmpty
            return try poller.wait(milliseconds: hasTime ? (probes.isRetrying ? 50 : 500) : 10)
        }
        return try pacer.wait(milliseconds: Self.pace) + [Tag.records]
    }

    /// Container starts come through the ring buffer too: a reader that stands still costs events, not those.
    private var isPatient: Bool {
        !isPatienceOver && Clock.monotonic - lastProgressAt < Self.patienceWithReader
    }

    /// Whether what other threads report takes longer than a turn.
    private var hasMore: Bool { !messages.isEmpty || probes.hasUnseenFiles }

    private func readMessages() {
        guard hasMore else { return }
        let end = Clock.monotonic + Self.longestReading
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

    /// - Returns: Whether all were read; false where the rest had better wait for the reader.
    @discardableResult
    private func readRecords() -> Bool {
        let begun = Clock.monotonic
        var count = 0
        var isComplete = true
        ring.drain { record in
            count += 1
            switch record {
            case .serverName(let record): deliver(record)
            case .cgroup(let record): act(on: containers.apply(record, program))
            case .trapped(let record): probes.tell(trapped: record)
            case .mapping:
                // These come by a ring buffer of their own.
                break
            }
            if count % Self.batchSize == 0 {
                // The reader begins while the rest is read; what it has no room for waits in the ring.
                output.flush(&ownLosses)
                noteProgress()
                isComplete = !output.isFull || !isPatient
            }
            // Records can come as fast as they are read: other threads' reports wait meanwhile.
            if count % Self.timedSize == 0, Clock.monotonic - begun > Self.longestReading { isComplete = false }
            return isComplete
        }
        let now = Clock.monotonic
        isPaced = count > 0 && now - lastRead < Int64(Self.pace) * 2_000_000
        lastRead = now
        return isComplete
    }

    /// What is in the ring buffer at the end, at the reader's speed, as long as it goes on.
    private func readRest() throws(SystemError) {
        let deadline = Clock.monotonic + Self.patienceAtEnd
        while !readRecords() {
            output.flush(&ownLosses)
            _ = try pacer.wait(milliseconds: Self.pace)
            noteProgress()
            if Clock.monotonic > deadline { isPatienceOver = true }
        }
    }

    private func noteProgress() {
        // One that has nothing to read stands still for a good reason.
        guard output.progress != lastProgress || !output.isFull else { return }
        lastProgress = output.progress
        lastProgressAt = Clock.monotonic
    }

    private func deliver(_ record: ServerNameRecord) {
        deliver(record, by: Clock.monotonic + Self.patienceWithState)
    }

    /// Delivers it, now or once it is known whose it is.
    /// - Parameter answered: What it has waited for; it is not asked twice.
    private func deliver(_ record: ServerNameRecord, by deadline: Int64, answered: String? = nil) {
        switch containers.container(of: record) {
        case .known(let container):
            deliver(record, container)
        case .pending(let key, let cgroup):
            let mayWait = key != answered && deadline > Clock.monotonic
            if mayWait, wait(DeferredEvents.Event(record: record, deadline: deadline), for: key) { return }
            deliver(record, unresolvedIn: cgroup)
        case .unfinished(let container, let key):
            let event = DeferredEvents.Event(record: record, container: container, deadline: deadline)
            if !wait(event, for: key) { deliver(record, container) }
        }
    }

    /// - Returns: false where there is no room for it.
    private func wait(_ event: DeferredEvents.Event, for key: String) -> Bool {
        if deferred.add(event, waitingFor: key) { return true }
        noteFullDeferral()
        return false
    }

    private func deliver(_ record: ServerNameRecord, unresolvedIn cgroup: String?) {
        deliver(record, cgroup.flatMap { containers.stub(forCgroup: $0, record) })
    }

    private func noteFullDeferral() {
        guard !isDeferralFull else { return }
        isDeferralFull = true
        output.add(
            .notice(
                "more than \(DeferredEvents.mostOfPayer) calls wait for the name of their container; some show without it"
            ))
    }

    private func deliver(_ record: ServerNameRecord, _ container: Container?) {
        guard let record = program.sent(record), let library = table.reference(cookie: record.cookie) else { return }
        summary.events += 1
        if record.name == nil { summary.unreadableNames += 1 }
        output.add(
            .serverName(
                ServerNameEvent(
                    timestamp: Int64(record.time) + clockOffset, record: record, container: container,
                    library: library)))
    }

    /// Delivers events whose question is answered; there may be a next one.
    func deliverDeferred(waitingFor key: String) {
        for event in deferred.take(waitingFor: key) {
            if event.container != nil {
                deliver(event)
            } else {
                deliver(event.record, by: event.deadline, answered: key)
            }
        }
    }

    private func deliverOverdue() {
        for event in deferred.takeOverdue(at: Clock.monotonic) { deliver(event) }
    }

    /// Delivers an event that has waited for long enough.
    private func deliver(_ event: DeferredEvents.Event) {
        if let container = event.container {
            deliver(event.record, containers.current(container))
            return
        }
        switch containers.container(of: event.record) {
        case .known(let container): deliver(event.record, container)
        case .unfinished(let container, _): deliver(event.record, container)
        case .pending(_, let cgroup): deliver(event.record, unresolvedIn: cgroup)
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
        return readiness
    }

    private func checkNowAndThen() {
        let now = Clock.monotonic
        guard now - lastCheck > 500_000_000 else { return }
        lastCheck = now
        setClock()
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

    private func losses() -> [LossReason: UInt64] {
        // The kernel has the counters for as long as the programs are loaded: reading them can't fail.
        let kernel = (try? program.lost()) ?? [:]
        return kernel.merging(ownLosses, uniquingKeysWith: +)
    }

    private func reportLosses() {
        for (reason, count) in losses() where count > reportedLosses[reason, default: 0] {
            output.add(.lost(reason: reason, count: count - reportedLosses[reason, default: 0]))
            if reason == .containersMissed { containers.makeUpForLosses() }
            reportedLosses[reason] = count
        }
    }
}
