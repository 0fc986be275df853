import OS
import Testing

@testable import Tracing

@Suite("What is known of probed files")
struct ProbeTableTests {
    @Test("one was changed just now; one of the future was not, nor one whose time does not fit")
    func recent() {
        let now = Clock.realtime
        #expect(ProbeTable.isRecent(now))
        for time in [now - 1_000_000_000, now + 60_000_000_000, .max, .min] { #expect(!ProbeTable.isRecent(time)) }
    }

    @Test("after the last number come those at the beginning that are free")
    func numbers() {
        #expect(ProbeTable.free(from: 5) { _ in false } == 5)
        #expect(ProbeTable.free(from: .max) { $0 == .max || $0 == 0 || $0 == 1 } == 2)
    }
}
