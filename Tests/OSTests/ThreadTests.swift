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
}
