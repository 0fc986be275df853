import OS
import Testing

@testable import Containers

@Suite("What users keep is read side by side")
struct UserReadingsTests {
    @Test("one who does not answer holds up nobody, and is not asked again while he is being read or just after")
    func late() {
        let readings = UserReadings()
        let (hung, rest) = (BlockingQueue<Void>(), BlockingQueue<UInt32>())
        func read(within milliseconds: Int64 = 300) -> [UInt32: UInt32] {
            readings.results(of: [1000, 1001, 1002], within: milliseconds) { user in
                rest.put(user)
                if user == 1001 { _ = hung.take() }
                return 2 * user
            }
        }
        #expect(read() == [1000: 2000, 1002: 2004])
        var asked: Set<UInt32> = []
        while let user = rest.take(within: 0) { asked.insert(user) }
        #expect(asked == [1000, 1001, 1002])
        // Nobody is waited for now.
        let begun = Clock.monotonic
        #expect(read(within: 60_000) == [1000: 2000, 1002: 2004])
        #expect(Clock.monotonic - begun < 30_000_000_000)
        hung.put(())
        #expect(read(within: 60_000) == [1000: 2000, 1002: 2004])
        while let user = rest.take(within: 0) { #expect(user != 1001) }
    }

    @Test("more than can hang at a time")
    func many() {
        let users = Array(UInt32(1)...100)
        #expect(UserReadings().results(of: users, within: 60_000) { $0 }.count == 100)
        let hung = BlockingQueue<Void>()
        defer { hung.close() }
        let readings = UserReadings()
        #expect(readings.results(of: users, within: 100) { _ in hung.take() }.isEmpty)
        #expect(readings.results(of: [1, 2, 99, 100], within: 60_000) { $0 } == [99: 99, 100: 100])
    }
}
