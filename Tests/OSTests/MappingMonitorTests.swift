import Glibc
import Testing

@testable import OS

@Suite("Reports of executable mappings")
struct MappingMonitorTests {
    private static let isPermitted = (try? MappingMonitor()) != nil

    @Test(
        "who has enough is told of the rest the next time",
        .enabled(if: isPermitted, "perf events of the whole system need CAP_PERFMON"))
    func turns() throws {
        let monitor = try MappingMonitor()
        let poller = try Poller()
        try poller.add(monitor.descriptor, tag: 1)
        for _ in 0..<20 { _ = try ExecutableMapping.makeOwn() }
        var count = 0
        let deadline = Clock.monotonic + 30_000_000_000
        while count < 20, Clock.monotonic < deadline, try poller.wait(milliseconds: 2000) == [1] {
            var inOneTurn = 0
            let gap = monitor.drain { mapping in
                inOneTurn += 1
                if mapping.pid == getpid() { count += 1 }
                return false
            }
            #expect(inOneTurn <= 1 && gap.dropped == 0)
        }
        #expect(count >= 20)
    }
}
