import OS
import Testing

@testable import Tracing

@Suite("Mapped files that are to be looked into")
struct MappedCandidateTests {
    @Test("a mapping of a process that has ended already, which the kernel reports as -1, is passed over")
    func endedProcess() {
        var candidates = MappedCandidates(pids: nil)
        for (pid, isPassedOver) in [(UInt32.max, true), (1, false)] {
            let mapping = ExecutableMapping(
                pid: pid, time: 0, start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file")
            if case .nothing = candidates.verdict(on: mapping) {
                #expect(isPassedOver)
            } else {
                #expect(!isPassedOver)
            }
        }
    }
}
