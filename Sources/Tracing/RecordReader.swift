internal import LibBPF
internal import OS

/// Reads the records of calls, of both lanes. The kernel wakes it for the first one after a pause only; while records
/// come, it looks for them every few milliseconds. For one thread.
struct RecordReader {
    /// Between two looks; milliseconds.
    static let pace: Int32 = 15
    /// So many looks in vain, and it is to be woken.
    private static let mostVainLooks = 2
    /// How many records are read between two looks at the clock.
    private static let timedSize = 16
    /// A record is in its ring some time after it was made; nanoseconds.
    private static let longestWriting: UInt64 = 1_000_000

    private let quick: CallRing
    private let bulk: CallRing
    private let state: ReaderState
    private var vainLooks = 0
    /// How long the bulk lane is read at a time; nanoseconds.
    private var bulkTime = EventLoop.longestReading
    private static let leastBulkTime: Int64 = 125_000
    /// Nanoseconds.
    private static let mostDelay: Int64 = 5_000_000
    private var isAsleep = false

    init(_ program: TracerProgram) throws(BPFError) {
        quick = try program.quickRing()
        bulk = try program.bulkRing()
        state = program.reader
    }

    /// Readable when a record has come while it was asleep.
    var descriptor: Int32 { quick.descriptor }

    /// Whether it may go to sleep: nothing came for a while.
    var mayFallAsleep: Bool { vainLooks >= Self.mostVainLooks }

    /// Has the next record wake whoever waits for `descriptor`. What came before that has to be read once more.
    mutating func fallAsleep() {
        state.sleep()
        isAsleep = true
    }

    mutating func wakeUp() {
        guard isAsleep else { return }
        state.stayAwake()
        isAsleep = false
    }

    /// Whether it had better rest before it reads more of the bulk lane: others want the processors, and with more than
    /// its share of them it would be late for the quick lane too.
    var isPressed: Bool { bulkTime < EventLoop.longestReading }

    /// How many of the events that usually may wait for the session's reader may do so now: with many, it would be late.
    func mostWaiting(of usual: Int) -> Int {
        usual * Int(bulkTime) / Int(EventLoop.longestReading)
    }

    /// Reads less of the bulk lane where rows of the quick one are late, and more again where they are not.
    /// - Parameter delay: How late this thread, or whoever writes the rows, was in the last turn; nanoseconds.
    mutating func pace(after delay: Int64) {
        bulkTime =
            delay > Self.mostDelay
            ? max(bulkTime / 2, Self.leastBulkTime) : min(bulkTime + Self.leastBulkTime, EventLoop.longestReading)
    }

    /// Hands over the records there are, of each lane for 4 ms at most, as long as `deliver` has room for more of it.
    /// - Returns: Whether all were read.
    mutating func read(
        from lanes: [Lane], _ deliver: (ServerNameRecord, Lane) -> Bool
    ) -> Bool {
        var count = 0
        var isComplete = true
        for lane in lanes where !read(lane, &count, deliver) { isComplete = false }
        vainLooks = count == 0 && lanes.count == Lane.allCases.count ? vainLooks + 1 : 0
        return isComplete
    }

    private func read(
        _ lane: Lane, _ count: inout Int, _ deliver: (ServerNameRecord, Lane) -> Bool
    ) -> Bool {
        let begun = Clock.monotonic
        let longest = lane == .quick ? EventLoop.longestReading : bulkTime
        var isComplete = true
        var last: UInt64?
        (lane == .quick ? quick : bulk).drain { record in
            count += 1
            last = record.time
            isComplete = deliver(record, lane)
            // Records can come as fast as they are read: other threads' reports wait meanwhile.
            if count % Self.timedSize == 0, Clock.monotonic - begun > longest { isComplete = false }
            return isComplete
        }
        if lane == .bulk, let read = isComplete ? UInt64(begun) : last {
            state.noteBulkRead(until: read - min(read, Self.longestWriting))
        }
        return isComplete
    }
}
