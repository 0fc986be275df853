import Testing

@testable import Tracing

@Suite("Whose work is done next")
struct FairQueueTests {
    private static let most = 100
    private var queue = FairQueue<String>(urgencies: 4, pressing: 2) { owner in
        .init(pressing: owner == .host ? 3 : 2, long: 1, waiting: most)
    }

    private mutating func put(_ work: String..., of owner: WorkOwner, urgency: Int = 1) {
        for work in work {
            let hasRoom = queue.add(work, of: owner, urgency: urgency)
            #expect(hasRoom)
        }
    }

    private mutating func takeAll(_ count: Int) -> [String] {
        var all: [String] = []
        for _ in 0..<count {
            guard let entry = queue.take(isForPressing: false) else { break }
            all.append(entry.work)
            _ = queue.finished(entry)
        }
        return all
    }

    @Test("owners take turns, however much one of them has; each one's own work keeps its order")
    mutating func turns() {
        for number in 0..<50 { put("flood \(number)", of: .user(1)) }
        put("a", "b", of: .user(2))
        put("c", of: .container("/docker/1"))
        #expect(takeAll(6) == ["flood 0", "a", "c", "flood 1", "b", "flood 2"])
    }

    @Test("what is more urgent goes first, whoever's it is")
    mutating func urgency() {
        put("later", of: .user(1), urgency: 3)
        put("soon", of: .user(2), urgency: 1)
        put("now", of: .user(3), urgency: 0)
        #expect(takeAll(3) == ["now", "soon", "later"])
    }

    @Test(
        "an owner holds no more threads than its share, of either kind of work; another one's first job begins at once")
    mutating func share() {
        put("1", "2", "3", of: .user(1))
        let taken = (0..<3).map { _ in queue.take(isForPressing: false) }
        #expect(taken.map { $0?.work } == ["1", "2", nil])
        put("long 1", "long 2", of: .user(1), urgency: 3)
        let long = queue.take(isForPressing: false)
        #expect(long?.work == "long 1")
        #expect(queue.take(isForPressing: false) == nil)
        put("other", of: .user(2), urgency: 3)
        #expect(queue.take(isForPressing: false)?.work == "other")
        // Only what may have waited for the thread is reason to wake another one.
        let isAwaited = taken[0].map { queue.finished($0) }
        #expect(isAwaited == true)
        #expect(queue.take(isForPressing: false)?.work == "3")
    }

    @Test("threads for what presses take nothing that may take long")
    mutating func pressing() {
        put("long", of: .user(1), urgency: 2)
        #expect(queue.take(isForPressing: true) == nil)
        put("short", of: .user(1), urgency: 1)
        #expect(queue.take(isForPressing: true)?.work == "short")
    }

    @Test("work whose owner is pending waits in lines of its own, and is that owner's all at once")
    mutating func pending() {
        put("1", "2", "3", of: .process(100))
        put("a", of: .process(200))
        guard let first = queue.take(isForPressing: false) else { return }
        #expect(first.owner.isPending)
        let (next, crowded) = queue.resolve(first, as: .user(1))
        #expect(next?.work == "1" && next?.owner == .user(1) && crowded.isEmpty)
        guard let second = queue.take(isForPressing: false) else { return }
        #expect(second.work == "a")
        let isNext = queue.resolve(second, as: .user(1)).next != nil
        #expect(!isNext, "others of that user came before")
        #expect(queue.take(isForPressing: false)?.work == "2")
        #expect(queue.take(isForPressing: false) == nil, "its share is used up")
        let isAwaited = next.map { queue.finished($0) }
        #expect(isAwaited == true)
        #expect(queue.take(isForPressing: false)?.work == "3")
    }

    @Test("all whose owner is pending have one room: nobody makes it larger by starting processes")
    mutating func pendingRoom() {
        for pid in 0..<Int32(Self.most) { put("\(pid)", of: .process(pid)) }
        let hasRoom = queue.add("further", of: .process(-1), urgency: 1)
        #expect(!hasRoom)
        put("known", of: .user(1))
        let taken = queue.take(isForPressing: false)
        #expect(taken?.work == "0")
        if let taken { _ = queue.resolve(taken, as: .user(2)) }
        put("further", of: .process(-1))
    }

    @Test("an owner has room for so much, also for what turns out to be its own; others have theirs")
    mutating func room() {
        for number in 0..<Self.most { put("\(number)", of: .user(1)) }
        let hasRoom = queue.add("too much", of: .user(1), urgency: 0)
        #expect(!hasRoom)
        put("b", "c", of: .process(100))
        _ = queue.take(isForPressing: false)
        guard let pending = queue.take(isForPressing: false) else { return }
        #expect(pending.work == "b")
        let (next, crowded) = queue.resolve(pending, as: .user(1))
        #expect(next == nil)
        // One place was free.
        #expect(crowded == ["c"])
        put("d", of: .user(2))
        #expect(takeAll(2) == ["1", "d"])
    }
}
