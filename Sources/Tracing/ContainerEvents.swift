public import Containers
internal import LibBPF
internal import OS

/// What a `ContainerWatch` reports.
public enum ContainerWatchItem: Sendable {
    case event(ContainerEvent)
    /// Starts or stops that went unseen.
    case lost(Loss)
    /// What the user should know.
    case notice(String)
}

/// A container that starts or stops.
public struct ContainerEvent: Sendable {
    public enum Kind: Sendable {
        /// Its control group is there; its program begins some milliseconds later.
        case start
        /// Its control group is gone, after its last process.
        case stop
    }

    public let kind: Kind
    /// Nanoseconds since the epoch.
    public let timestamp: Int64
    public let container: Container
}

/// Makes starts and stops of containers from control groups that come and go. Reads nothing: whose a control group is,
/// other threads find out.
struct ContainerEvents {
    /// What is to be found out.
    struct Question: Sendable {
        let number: UInt64
        let cgroup: String
        let maker: Int32?
    }

    private struct Start {
        let cgroup: String
        let timestamp: Int64
        /// On the monotonic clock.
        let deadline: Int64
        /// It is gone by now.
        var endedAt: Int64?
        /// What the control group alone tells, once that is known.
        var stub: Container?
    }

    /// A container, wherever its control groups are.
    private struct Identity: Hashable {
        let runtime: RuntimeName
        /// `Container.ownID`.
        let id: String
        let bundlePath: String?

        init(_ container: Container) {
            (runtime, id, bundlePath) = (container.runtime, container.ownID, container.bundlePath)
        }
    }

    /// How long a start waits for the container's name; nanoseconds. Without it the row has what the cgroup tells.
    private static let patience: Int64 = 500_000_000

    private var directory: ContainerDirectory
    /// The control groups of those that run. A runtime that is in a group itself makes v1 groups below that one, and
    /// the container has several paths.
    private var cgroups: [Identity: Set<String>] = [:]
    private var starts: [UInt64: Start] = [:]
    /// The last question about a control group that is there and not known.
    private var numbers: [String: UInt64] = [:]
    private var lastNumber: UInt64 = 0
    private var items: [ContainerWatchItem] = []
    /// Users who have more control groups than are looked into.
    private var refused: Set<UInt32> = []
    private var isTooLongTold = false

    /// - Parameter directory: What is there already.
    init(_ directory: ContainerDirectory) {
        self.directory = directory
        for container in directory.all {
            if let path = container.cgroupPath { cgroups[Identity(container), default: []].insert(path) }
        }
    }

    /// A control group came or went.
    mutating func apply(_ record: CgroupRecord) -> Question? {
        switch directory.apply(record) {
        case .host, .known:
            return nil
        case .unresolved:
            if !isTooLongTold {
                isTooLongTold = true
                items.append(.notice("a cgroup's path is too long to be followed; a container there is not shown"))
            }
            return nil
        case .refused(let uid):
            if refused.insert(uid).inserted {
                items.append(
                    .notice(
                        "user \(uid) has made more than \(ContainerDirectory.mostOfUser) cgroups that may be containers'; "
                            + "further ones are not looked into"))
            }
            return nil
        case .suspected(let cgroup, let maker):
            lastNumber += 1
            starts[lastNumber] = Start(
                cgroup: cgroup, timestamp: Clock.realtime, deadline: Clock.monotonic + Self.patience)
            numbers[cgroup] = lastNumber
            return Question(number: lastNumber, cgroup: cgroup, maker: maker)
        case .gone(let container?):
            let identity = Identity(container)
            cgroups[identity]?.remove(record.path)
            guard cgroups[identity]?.isEmpty ?? true else { return nil }
            cgroups[identity] = nil
            add(.stop, Clock.realtime, container)
        case .gone(nil):
            // In some other hierarchy it may be there still.
            if let number = numbers[record.path], directory.removeEnded(key: record.path) {
                starts[number]?.endedAt = Clock.realtime
                numbers[record.path] = nil
            }
        }
        return nil
    }

    /// A question is answered.
    mutating func settle(_ question: Question, _ resolution: ContainerResolution?) {
        if starts[question.number] != nil, let failure = resolution?.failure {
            items.append(
                .notice(
                    "\(failure); the container \(question.cgroup) shows as its control group and bundle tell"))
        }
        settle(question.number, resolution?.container)
    }

    /// What the control group of a question alone tells; nil: that it is no container's.
    mutating func take(stub: Container?, of question: Question) {
        starts[question.number]?.stub = stub
    }

    /// Tells of containers whose names don't come.
    mutating func settleOverdue() {
        guard !starts.isEmpty else { return }
        let now = Clock.monotonic
        for (number, start) in starts where start.deadline < now {
            if let container = start.stub { settle(number, container) }
        }
    }

    private mutating func settle(_ number: UInt64, _ container: Container?) {
        guard let start = starts.removeValue(forKey: number) else { return }
        if start.endedAt == nil {
            numbers[start.cgroup] = nil
            directory.settle(cgroup: start.cgroup, container)
        }
        guard let container else { return }
        let identity = Identity(container)
        let isNew = cgroups[identity] == nil
        if start.endedAt == nil { cgroups[identity, default: []].insert(start.cgroup) }
        guard isNew else { return }
        add(.start, start.timestamp, container)
        if let endedAt = start.endedAt { add(.stop, endedAt, container) }
    }

    /// What a daemon tells of names.
    mutating func apply(_ change: DockerChange) {
        switch change {
        case .renamed(let id, let name):
            directory.update(id: id) { $0.name = name }
        case .appeared(let container):
            directory.update(id: container.id) { $0.name = container.name }
        case .disconnected(let error) where error.kind != .absent:
            items.append(.notice("\(error); names come from its files on disk until it answers"))
        case .started, .connected, .disconnected, .stopped, .removed:
            break
        }
    }

    private mutating func add(_ kind: ContainerEvent.Kind, _ timestamp: Int64, _ container: Container) {
        items.append(.event(ContainerEvent(kind: kind, timestamp: timestamp, container: container)))
    }

    mutating func take() -> [ContainerWatchItem] {
        defer { items = [] }
        return items
    }
}
