import Testing

@testable import Tracing

@Suite("What waits for a slow reader")
struct ItemQueueTests {
    @Test("notices beyond the limit are left out and counted; how the session goes on is not")
    func notices() {
        let queue = ItemQueue()
        for number in 0..<ItemQueue.mostNotices + 100 { queue.put(.notice("\(number)")) }
        queue.put(.lost(Loss(reason: .slowOutput, count: 1)))
        queue.finish()
        var items: [SessionItem] = []
        while let batch = queue.next() { items += batch }
        let notices = items.compactMap { if case .notice(let text) = $0 { text } else { nil } }
        #expect(notices.count == ItemQueue.mostNotices + 1)
        #expect(notices.count { $0.hasPrefix("100 notices were left out") } == 1)
        #expect(items.contains { if case .lost = $0 { true } else { false } })
    }
}
