import Glibc
import Testing

@testable import OS

@Suite("Threads")
struct ThreadTests {
    /// The niceness of a thread of this process once `body` has been done with its number.
    private func niceness(after body: @escaping @Sendable (Int32) -> Void) throws -> Int32? {
        let results = BlockingQueue<Int32>()
        try Threads.start(name: "nice") {
            body(Threads.identifier)
            results.put(Threads.niceness)
        }
        return results.take(within: 10_000)
    }

    @Test("a process's own word about its threads changes the priority of no other's")
    func priority() throws {
        #expect(try niceness { Threads.setNiceness(7, of: $0, in: getpid()) } == 7)
        let before = try niceness { _ in }
        #expect(try niceness { Threads.setNiceness(7, of: $0, in: getppid()) } == before)
        for number: Int32 in [0, -1, .min, .max] {
            #expect(try niceness { _ in Threads.setNiceness(7, of: number, in: getpid()) } == before)
        }
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
