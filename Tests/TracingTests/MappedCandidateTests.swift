import OS
import Processes
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

    @Test(
        "a file that was looked into for processes that are not wanted is looked into again for those that came meanwhile"
    )
    func arrivals() throws {
        var candidates = MappedCandidates(pids: nil, isNarrowed: true)
        func mapping(of pid: UInt32) -> ExecutableMapping {
            ExecutableMapping(
                pid: pid, time: Int64(pid), start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file")
        }
        guard case .look(let first) = candidates.verdict(on: mapping(of: 1)) else {
            Issue.record("the file is not looked into")
            return
        }
        for pid: UInt32 in [2, 3] {
            if case .nothing = candidates.verdict(on: mapping(of: pid)) { continue }
            Issue.record("the file is looked into twice at a time")
        }
        let late = candidates.settle(first, .unwanted(detail: nil))
        #expect(late.isEmpty)
        let others = candidates.others(than: first)
        let next = try #require(others)
        #expect(next.users.map(\.pid) == [2, 3])
        #expect(next.mappedAt == 2)
        let waited = candidates.settle(next, .traced(ProbedFile(number: 1, since: 9), detail: nil))
        #expect(waited == [2, 3])
        let further = candidates.others(than: next)
        #expect(further?.users == nil)
        guard case .traced = candidates.verdict(on: mapping(of: 4)) else {
            Issue.record("the file is not known to be probed")
            return
        }
    }
}
