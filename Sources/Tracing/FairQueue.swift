/// Work that waits, the most urgent first. Of one urgency, owners take turns, however much each of them has; and of the
/// threads, each owner holds a share at a time.
struct FairQueue<Work: Sendable>: Sendable {
    struct Entry: Sendable {
        let work: Work
        let owner: WorkOwner
        /// 0 is the most urgent.
        let urgency: Int
        /// Whether it counts as running, for its owner: not while that one is pending.
        fileprivate(set) var holdsThread = false
    }

    /// What one owner may have at a time.
    struct Share: Sendable {
        /// Of the threads, for what is done in a moment.
        let pressing: Int
        /// Of the threads, for what may take long.
        let long: Int
        /// Of the room.
        let waiting: Int
    }

    private struct Lane: Sendable {
        /// Owners with work, in the order of their turns.
        var turns: [WorkOwner] = []
        var lines: [WorkOwner: Line] = [:]

        mutating func add(_ entry: Entry) {
            if lines[entry.owner] == nil { turns.append(entry.owner) }
            lines[entry.owner, default: Line()].add(entry)
        }

        mutating func takeFirst(ofTurn turn: Int) -> Entry? {
            let owner = turns.remove(at: turn)
            let entry = lines[owner]?.takeFirst()
            if lines[owner]?.isEmpty == true { lines[owner] = nil } else { turns.append(owner) }
            return entry
        }

        mutating func takeAll(of owner: WorkOwner) -> [Entry] {
            guard var line = lines.removeValue(forKey: owner) else { return [] }
            turns.removeAll { $0 == owner }
            var all: [Entry] = []
            while let entry = line.takeFirst() { all.append(entry) }
            return all
        }
    }

    /// One owner's work, in the order in which it came.
    private struct Line: Sendable {
        private var entries: [Entry] = []
        private var head = 0

        var isEmpty: Bool { head == entries.count }

        mutating func add(_ entry: Entry) { entries.append(entry) }

        mutating func takeFirst() -> Entry? {
            guard head < entries.count else { return nil }
            defer {
                head += 1
                if head > 1024 {
                    entries.removeFirst(head)
                    head = 0
                }
            }
            return entries[head]
        }
    }

    /// What waits counts for its owner. Owners that are pending, of which a user can make any number, have one together.
    private enum Room: Hashable {
        case owner(WorkOwner)
        case pending

        init(of owner: WorkOwner) { self = owner.isPending ? .pending : .owner(owner) }
    }

    private struct Holder: Hashable {
        let owner: WorkOwner
        let isPressing: Bool
    }

    private let pressingUrgencies: Int
    private let share: @Sendable (WorkOwner) -> Share
    private var lanes: [Lane]
    private var waiting: [Room: Int] = [:]
    private var running: [Holder: Int] = [:]

    /// - Parameters:
    ///   - urgencies: How many there are.
    ///   - pressing: How many of them, from the most urgent on, have what is done in a moment.
    init(urgencies: Int, pressing: Int, share: @escaping @Sendable (WorkOwner) -> Share) {
        pressingUrgencies = pressing
        self.share = share
        lanes = Array(repeating: Lane(), count: urgencies)
    }

    /// - Returns: Whether there was room.
    mutating func add(_ work: Work, of owner: WorkOwner, urgency: Int) -> Bool {
        let room = Room(of: owner)
        guard waiting[room, default: 0] < share(owner).waiting else { return false }
        waiting[room, default: 0] += 1
        lanes[urgency].add(Entry(work: work, owner: owner, urgency: urgency))
        return true
    }

    /// What is to be done next. Of one whose owner is pending, `resolve` is to be told who that is; of others,
    /// `finished`.
    /// - Parameter isForPressing: Whether the thread leaves to others what may take long.
    mutating func take(isForPressing: Bool) -> Entry? {
        for urgency in lanes.indices.prefix(isForPressing ? pressingUrgencies : lanes.count) {
            guard let turn = lanes[urgency].turns.firstIndex(where: { mayHold($0, urgency) }),
                var entry = lanes[urgency].takeFirst(ofTurn: turn)
            else { continue }
            uncount(&waiting, Room(of: entry.owner))
            hold(&entry)
            return entry
        }
        return nil
    }

    /// It is known whose the work is, and all else that waits for the same.
    /// - Returns: The work, where it may be done at once, and what there is no room for.
    mutating func resolve(_ taken: Entry, as owner: WorkOwner) -> (next: Entry?, crowded: [Work]) {
        var crowded: [Work] = []
        var next: Entry?
        // What waits for its turn has it first.
        if lanes[taken.urgency].lines[owner] == nil, mayHold(owner, taken.urgency) {
            var entry = Entry(work: taken.work, owner: owner, urgency: taken.urgency)
            hold(&entry)
            next = entry
        } else if !add(taken.work, of: owner, urgency: taken.urgency) {
            crowded.append(taken.work)
        }
        for urgency in lanes.indices {
            for other in lanes[urgency].takeAll(of: taken.owner) {
                uncount(&waiting, Room(of: taken.owner))
                if !add(other.work, of: owner, urgency: urgency) { crowded.append(other.work) }
            }
        }
        return (next, crowded)
    }

    /// A thread is done with it, or counts no longer.
    /// - Returns: Whether other work of its owner may have waited for that.
    mutating func finished(_ entry: Entry) -> Bool {
        guard entry.holdsThread else { return false }
        uncount(&running, Holder(owner: entry.owner, isPressing: isPressing(entry.urgency)))
        return waiting[Room(of: entry.owner)] != nil
    }

    func isPressing(_ urgency: Int) -> Bool { urgency < pressingUrgencies }

    private func mayHold(_ owner: WorkOwner, _ urgency: Int) -> Bool {
        guard !owner.isPending else { return true }
        let isPressing = isPressing(urgency)
        let share = share(owner)
        return running[Holder(owner: owner, isPressing: isPressing), default: 0]
            < (isPressing ? share.pressing : share.long)
    }

    private mutating func hold(_ entry: inout Entry) {
        guard !entry.owner.isPending else { return }
        entry.holdsThread = true
        running[Holder(owner: entry.owner, isPressing: isPressing(entry.urgency)), default: 0] += 1
    }

    private func uncount<Key>(_ counts: inout [Key: Int], _ key: Key) {
        guard let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }
}
