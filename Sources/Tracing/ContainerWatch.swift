public import Containers
internal import LibBPF
internal import OS
internal import Processes

/// The containers of this host as they start and stop, by the control groups that the kernel reports. For one thread,
/// which may be any.
public final class ContainerWatch {
    /// Those that run when the watch begins.
    public let present: [Container]
    /// Why some of the runtimes' state could not be read.
    public let failures: [any Error]

    private enum Message: Sendable {
        case answer(ContainerEvents.Question, ContainerResolution?)
        case docker(DockerChange)
        case stub(ContainerEvents.Question, Container?)
        case stop
    }

    private enum Tag {
        static let mailbox: UInt32 = 0
        static let records: UInt32 = 1
    }

    /// A runtime's state may lie where a read hangs; that should not keep the other containers' names.
    private static let threads = 8

    private let program: CgroupProgram
    private let ring: ReportRing
    private let mailbox: Mailbox<Message>
    private let questions = BlockingQueue<ContainerEvents.Question>()
    private let stubs: StubReader
    private let watchers: [Task<Void, Never>]
    private var events: ContainerEvents
    private var reportedLosses: UInt64 = 0

    /// Begins to watch.
    /// - Throws: `HostLimitation`, `BPFError`, `SystemError`.
    public init() throws {
        try HostRequirement.checkAll()
        // First: what comes from here on is reported, what was there before is listed.
        let program = try CgroupProgram()
        let mailbox = try Mailbox<Message>()
        let runtimes = ContainerRuntimes.discover()
        let listing = runtimes.listWithUnlisted()
        present = listing.containers.filter { $0.initPid != nil }
        failures = listing.failures
        var directory = ContainerDirectory()
        try directory.add(existing: present, runtimes, try CgroupLayout.current())
        events = ContainerEvents(directory)
        ring = try program.ringBuffer()
        stubs = try StubReader()
        self.program = program
        self.mailbox = mailbox
        watchers = runtimes.dockerDaemons.flatMap(\.sockets).map { socket in
            Task {
                await DockerWatcher(client: DockerClient(socket: socket)) { mailbox.post(.docker($0)) }.run()
            }
        }
        for _ in 0..<Self.threads {
            try Threads.start(name: "containers") { [questions] in
                while let question = questions.take() {
                    mailbox.post(
                        .answer(
                            question, runtimes.container(atCgroup: question.cgroup, madeBy: question.maker)))
                }
            }
        }
    }

    deinit {
        questions.close()
        stubs.close()
        for watcher in watchers { watcher.cancel() }
    }

    /// Ends `run`; from any thread.
    public var stop: @Sendable () -> Void {
        { [mailbox] in mailbox.post(.stop) }
    }

    /// Reports what happens until it is stopped, or `deliver` returns false.
    public func run(_ deliver: ([ContainerWatchItem]) throws -> Bool) throws {
        let poller = try Poller()
        try poller.add(ring.descriptor, tag: Tag.records)
        try poller.add(mailbox.descriptor, tag: Tag.mailbox)
        var isStopping = false
        while !isStopping {
            let tags = try poller.wait(milliseconds: 100)
            if tags.contains(Tag.mailbox) { isStopping = readMailbox() }
            ring.drain { record in
                if case .cgroup(let record) = record, let question = events.apply(record) { ask(question) }
                return true
            }
            events.settleOverdue()
            let items = try events.take() + losses()
            if !items.isEmpty, try !deliver(items) { return }
        }
    }

    private func ask(_ question: ContainerEvents.Question) {
        questions.put(question)
        stubs.read(cgroup: question.cgroup) { [mailbox] in mailbox.post(.stub(question, $0)) }
    }

    /// - Returns: Whether it is to end.
    private func readMailbox() -> Bool {
        var isStopping = false
        for message in mailbox.take() {
            switch message {
            case .answer(let question, let resolution): events.settle(question, resolution)
            case .docker(let change): events.apply(change)
            case .stub(let question, let stub): events.take(stub: stub, of: question)
            case .stop: isStopping = true
            }
        }
        return isStopping
    }

    private func losses() throws -> [ContainerWatchItem] {
        let lost = try program.lost()
        guard lost > reportedLosses else { return [] }
        defer { reportedLosses = lost }
        return [.lost(Loss(reason: .containersMissed, count: lost - reportedLosses))]
    }
}
