import Glibc
import Testing

@testable import OS

@Suite("Threads")
struct ThreadTests {
    @Test("some have high priority at a time, and others for a moment, as far as the time goes that they have together")
    func priorityShares() {
        var shares = PriorityShares(most: 1, at: 0)
        let atOnce = Int(PriorityShares.longestBurst / PriorityShares.expected)
        let first = (0...atOnce + 1).map { _ in shares.take(at: 0) }
        #expect(first == [.steady] + Array(repeating: .burst, count: atOnce) + [nil])

        // Those that take less than expected leave the rest to others; one that takes longer costs them.
        shares.giveBack(.burst, begun: 0, now: PriorityShares.expected / 2)
        #expect(shares.take(at: 0) == nil)
        shares.giveBack(.burst, begun: 0, now: PriorityShares.expected / 2)
        #expect(shares.take(at: 0) == .burst)
        shares.giveBack(.burst, begun: 0, now: PriorityShares.longestBurst)
        #expect(shares.take(at: PriorityShares.longestBurst) == nil)

        // What is used up comes again in time, up to the same sum.
        let late = PriorityShares.longestBurst * PriorityShares.refill * 10
        shares.giveBack(.steady, begun: 0, now: late)
        let again = (0...atOnce + 1).map { _ in shares.take(at: late) }
        #expect(again == first)

        // One that waits for something for long takes nothing from others, and costs no more than it can have worked.
        let later = late + PriorityShares.longest + 1
        #expect(shares.take(at: later) == .steady)
        shares.giveBack(.steady, begun: late, now: later)
        #expect(shares.take(at: later) == .burst)
        let muchLater = later * 1000
        shares.giveBack(.burst, begun: later, now: muchLater)
        #expect(shares.take(at: muchLater) == .steady)
        let recovered = muchLater + PriorityShares.longest * PriorityShares.refill * 2
        #expect([1, 2].map { _ in shares.take(at: recovered) } == [.steady, .burst])
    }

    @Test("a rest is as long as its work says, and a minute at most")
    func rest() {
        #expect(Threads.rest(20, after: 3_000_000) == 60)
        #expect(Threads.rest(20, after: -5) == 0)
        #expect(Threads.rest(20, after: 3600 * 1_000_000_000) == 60_000)
        #expect(Threads.rest(20, after: .max) == 60_000)
        #expect(Threads.rest(20, after: .min / 20) == 0)
    }

    @Test("a pause takes its time")
    func pause() {
        let begun = Clock.monotonic
        Threads.sleep(milliseconds: 20)
        #expect(Clock.monotonic - begun >= 20_000_000)
    }
}
