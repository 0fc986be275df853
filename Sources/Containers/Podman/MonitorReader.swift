public import OS
public import Processes
internal import Synchronization

/// Finds containers that have no control group of their own, which is all that a user without rights on control groups
/// can start: by the conmon that watches them, or among what the runtimes list.
///
/// Whatever is read belongs to the conmon's user, who decides how long that takes. So each user has one thread, which
/// does his work and waits for him alone. A user has many numbers (/etc/subuid): in a user's slice all are his.
public final class MonitorReader: Sendable {
    public enum Report: Sendable {
        /// A container is about to be made.
        case starting(StartingContainer)
        /// A container that has just been made. It has its first process, its mount namespace or its control group.
        case container(Found)
        /// Whose a mount namespace is; nil: no container's, as far as can be told.
        case namespace(UInt32, Found?)
        /// A user has more containers that are about to start than are waited for.
        case tooMany(uid: UInt32)
    }

    public struct Found: Sendable {
        public let container: Container
        /// Of a container that nothing but its mount namespace tells from the host; nil once it has ended.
        public let firstProcess: HeldProcess?

        /// Looks for the first process.
        public init(_ container: Container) {
            self.container = container
            firstProcess = container.cgroupPath == nil ? container.initPid.flatMap { try? HeldProcess(pid: $0) } : nil
        }
    }

    /// A process in a mount namespace that nobody knows.
    private struct Question: Sendable {
        let pid: Int32
        let namespace: UInt32
    }

    /// From conmon's start to the container's first process; nanoseconds. Podman takes less than a second.
    public static let patience: Int64 = 10_000_000_000
    /// A walk over all processes is followed by a rest that is so many times as long.
    private static let restAfterWalk: Int64 = 4
    /// The same where calls wait for the answer.
    private static let restAfterAnswers: Int64 = 2
    /// Between two looks for the first process; milliseconds.
    private static let pace: UInt32 = 2
    /// How many parents of a process are followed: more than anybody needs.
    private static let mostGenerations = 64
    /// Conmons of a user whose containers are waited for; each takes a descriptor.
    private static let mostAwaited = 64

    private enum Task: Sendable {
        /// What may be a conmon was started just now.
        case executed(pid: Int32)
        /// A conmon that may have been started just now.
        case running(pid: Int32)
        /// One was started, and went into the background, under another number, before it could be looked at.
        case missed
        /// A conmon above a process with an unknown mount namespace.
        case parent(pid: Int32, of: Int32, namespace: UInt32)
        /// A conmon that ran already; what is told of it goes to whoever waits for the list.
        case listed(pid: Int32, Collector)
    }

    private struct Assignment: Sendable {
        let task: Task
        /// The user of the conmon, whose files it may name.
        let uid: UInt32
    }

    private struct State {
        var tasks = UserTasks<Assignment>()
        var isClosed = false
    }

    private static let nobody = UserTasks<Assignment>.nobody

    private let state = Mutex(State())
    private let executions = BlockingQueue<Int32>()
    private let questions = BlockingQueue<Question>()
    /// Mount namespaces that are not of root's containers.
    private let others = BlockingQueue<Set<UInt32>>()
    private let report: @Sendable (Report) -> Void

    /// - Parameter report: Called on threads of this object's own.
    public init(report: @escaping @Sendable (Report) -> Void) throws(SystemError) {
        self.report = report
        try Threads.start(name: "executions") { [self, executions] in
            while let pids = executions.takeAll() { for pid in pids { followNow(pid) } }
        }
        try Threads.start(name: "namespaces") { [self, questions] in
            while let batch = questions.takeAll() {
                let begun = Clock.monotonic
                answer(batch)
                Threads.rest(Self.restAfterAnswers, since: begun)
            }
        }
        try Threads.start(name: "user-namespaces") { [others] in
            while let batch = others.takeAll() {
                let begun = Clock.monotonic
                let namespaces = batch.reduce(into: Set()) { $0.formUnion($1) }
                let containers = ContainerRuntimes.usersContainers(inMountNamespaces: namespaces)
                for namespace in namespaces { report(.namespace(namespace, containers[namespace].map(Found.init))) }
                Threads.rest(Self.restAfterAnswers, since: begun)
            }
        }
    }

    /// One that follows nobody.
    private init() {
        report = { _ in }
    }

    /// A conmon was executed. Does not wait.
    public func follow(pid: Int32) {
        executions.put(pid)
    }

    /// A process has a mount namespace that nobody knows; `report` tells whose it is. Does not wait.
    public func identify(pid: Int32, namespace: UInt32) {
        questions.put(Question(pid: pid, namespace: namespace))
    }

    /// Ends its threads, but for those that a user holds.
    public func close() {
        state.withLock { $0.isClosed = true }
        executions.close()
        questions.close()
        others.close()
    }

    private func followNow(_ pid: Int32) {
        if let uid = try? ProcessRecord.credentials(of: pid).uid {
            follow(.executed(pid: pid), pid, uid)
        } else {
            _ = submit(.missed, for: Self.nobody, uid: Self.nobody)
        }
    }

    private func follow(_ task: Task, _ pid: Int32, _ uid: UInt32) {
        let payer = Self.payer(forProcess: pid, uid)
        if !submit(task, for: payer, uid: uid) { report(.tooMany(uid: payer)) }
    }

    private static func payer(forProcess pid: Int32, _ uid: UInt32) -> UInt32 {
        payer(inCgroups: (try? CgroupMembership(pid: pid))?.paths ?? [], uid)
    }

    /// Whose thread it is that does what a process of a user needs.
    static func payer(inCgroups paths: [String], _ uid: UInt32) -> UInt32 {
        // root is believed, whatever it was called from.
        if uid == 0 { return uid }
        return paths.lazy.compactMap { CgroupOwnership.payer(ofPath: $0) }.first { $0 != 0 } ?? uid
    }

    /// Answers all questions by one walk, however many there are and whoever asks: nobody waits for more than the walk
    /// that is under way and the next one. What a user could delay, his own thread reads, and another one waits for it.
    private func answer(_ questions: [Question]) {
        var ancestors = Ancestors()
        var others: Set<UInt32> = []
        for question in questions {
            if let (monitor, child, uid) = ancestors.monitor(above: question.pid),
                submit(
                    .parent(pid: monitor, of: child, namespace: question.namespace),
                    for: Self.payer(forProcess: monitor, uid), uid: uid)
            {
                continue
            }
            // Another runtime's, or a service's with folders of its own.
            others.insert(question.namespace)
        }
        guard !others.isEmpty else { return }
        let containers = ContainerRuntimes.containers(inMountNamespaces: others)
        for (namespace, container) in containers { report(.namespace(namespace, Found(container))) }
        others.subtract(containers.keys)
        if !others.isEmpty { self.others.put(others) }
    }

    /// The parents of processes at one moment: each is read once, however many questions lead to it.
    struct Ancestors {
        private var parents: [Int32: Int32?] = [:]
        private var users: [Int32: UInt32?] = [:]
        /// How many processes were read.
        private(set) var reads = 0

        /// The conmon that a process comes from, its child on the way, and its user.
        mutating func monitor(above pid: Int32) -> (monitor: Int32, child: Int32, uid: UInt32)? {
            var child = pid
            for _ in 0..<MonitorReader.mostGenerations {
                guard let parent = parent(of: child), parent > 1 else { return nil }
                if let uid = userOfMonitor(parent) { return (parent, child, uid) }
                child = parent
            }
            return nil
        }

        private mutating func parent(of pid: Int32) -> Int32? {
            if let known = parents[pid] { return known }
            reads += 1
            let parent = (try? ProcessStatus(pid: pid))?.parent
            parents.updateValue(parent, forKey: pid)
            return parent
        }

        /// - Returns: nil for what is no conmon.
        private mutating func userOfMonitor(_ pid: Int32) -> UInt32? {
            if let known = users[pid] { return known }
            let uid = Monitor.isMonitor(pid) ? try? ProcessRecord.credentials(of: pid).uid : nil
            users.updateValue(uid, forKey: pid)
            return uid
        }
    }

    /// - Parameter payer: Whose thread it is that does it.
    /// - Returns: false where there is no room for it.
    private func submit(_ task: Task, for payer: UInt32, uid: UInt32) -> Bool {
        let answer = state.withLock { state in
            state.isClosed ? .refused : state.tasks.add(Assignment(task: task, uid: uid), of: payer)
        }
        guard answer == .needsThread else { return answer == .taken }
        do throws(SystemError) {
            try Threads.start(name: "monitors") { [self] in work(payer: payer) }
            return true
        } catch {
            // As good as no room.
            state.withLock { $0.tasks.remove(payer) }
            return false
        }
    }

    /// One user's thread: until nothing is left to do.
    private func work(payer: UInt32) {
        var awaited: [Awaited] = []
        while let assignments = takeTasks(of: payer, isIdle: awaited.isEmpty) {
            var isWalkDue = false
            for assignment in assignments {
                let (task, uid) = (assignment.task, assignment.uid)
                switch task {
                case .executed(let pid), .running(let pid):
                    guard let monitor = Monitor(pid: pid, uid: uid) else {
                        if case .executed = task { _ = submit(.missed, for: Self.nobody, uid: Self.nobody) }
                        continue
                    }
                    guard !monitor.command.isExec else { continue }
                    guard awaited.count < Self.mostAwaited else {
                        report(.tooMany(uid: payer))
                        continue
                    }
                    if let starting = StartingContainer(monitor) { report(.starting(starting)) }
                    awaited.append(Awaited(monitor: monitor, deadline: Clock.monotonic + Self.patience))
                case .missed:
                    isWalkDue = true
                case .parent(let pid, let child, let namespace):
                    let container = Monitor(pid: pid, uid: uid)?.container(firstProcess: child)
                    report(
                        .namespace(namespace, container?.mountNamespace == namespace ? container.map(Found.init) : nil))
                case .listed(let pid, let collector):
                    let monitor = Monitor(pid: pid, uid: uid)
                    collector.add(monitor?.command.isExec == false ? monitor?.container() : nil)
                }
            }
            if isWalkDue { walk() }
            let now = Clock.monotonic
            awaited = awaited.filter { awaited in
                if let container = awaited.monitor.container() {
                    report(.container(Found(container)))
                    return false
                }
                return now < awaited.deadline
            }
            if !awaited.isEmpty { Threads.sleep(milliseconds: Self.pace) }
        }
    }

    /// Looks at all conmons that run. Anybody may start what asks for it: that costs a part of one processor at most.
    private func walk() {
        let begun = Clock.monotonic
        for (pid, uid) in Monitor.running() { follow(.running(pid: pid), pid, uid) }
        Threads.rest(Self.restAfterWalk, since: begun)
    }

    /// - Parameter isIdle: Whether the thread has nothing else to do: it ends where there is no task.
    private func takeTasks(of payer: UInt32, isIdle: Bool) -> [Assignment]? {
        state.withLock { state in
            let tasks = state.tasks.take(of: payer)
            if state.isClosed || (tasks.isEmpty && isIdle) {
                state.tasks.remove(payer)
                return nil
            }
            return tasks
        }
    }

    private struct Awaited {
        let monitor: Monitor
        let deadline: Int64
    }
}

extension MonitorReader {
    /// The containers of the conmons that run now, of these users. Waits for nobody longer than `milliseconds`.
    /// - Returns: Also how many conmons did not let themselves be read in time.
    static func containers(
        within milliseconds: Int64 = 500, where isWanted: (UInt32) -> Bool
    ) -> (containers: [Container], unread: Int) {
        let reader = MonitorReader()
        defer { reader.close() }
        let collector = Collector()
        var count = 0
        var refused = 0
        for (pid, uid) in Monitor.running() where isWanted(uid) {
            let payer = payer(forProcess: pid, uid)
            if reader.submit(.listed(pid: pid, collector), for: payer, uid: uid) { count += 1 } else { refused += 1 }
        }
        let deadline = Clock.monotonic + milliseconds * 1_000_000
        while collector.count < count && Clock.monotonic < deadline { Threads.sleep(milliseconds: 1) }
        let found = collector.all
        return (found.containers, count - found.answers + refused)
    }

    /// What threads have found.
    private final class Collector: Sendable {
        private let found = Mutex<(containers: [Container], answers: Int)>(([], 0))

        func add(_ container: Container?) {
            found.withLock { found in
                found.answers += 1
                if let container { found.containers.append(container) }
            }
        }

        var count: Int { found.withLock { $0.answers } }
        var all: (containers: [Container], answers: Int) { found.withLock { $0 } }
    }
}
