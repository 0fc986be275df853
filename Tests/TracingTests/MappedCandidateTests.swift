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

    @Test("what is looked into for a process that is not wanted is looked into for the next one, too")
    func unwanted() throws {
        var candidates = MappedCandidates(pids: nil, isNarrowed: true)
        func look(for pid: UInt32) -> ProbeJob.MappedCandidate? {
            let mapping = ExecutableMapping(
                pid: pid, time: Int64(pid), start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file")
            if case .look(let candidate) = candidates.verdict(on: mapping) { return candidate }
            return nil
        }
        let (first, second) = (try #require(look(for: 1)), try #require(look(for: 2)))
        _ = candidates.settle(first, .unwanted(detail: nil))
        let waited = candidates.settle(second, .traced(ProbedFile(number: 1, since: 9), detail: nil))
        #expect(waited?.times == [1, 2])
        #expect(look(for: 3) == nil)
    }

    @Test("a file that can't be traced, which is nobody's who is wanted, is looked at for the next process")
    func untraced() throws {
        var candidates = MappedCandidates(pids: nil)
        let mapping = ExecutableMapping(
            pid: 1, time: 0, start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file")
        for _ in 1...2 {
            guard case .look(let candidate) = candidates.verdict(on: mapping) else {
                Issue.record("a reason to look")
                return
            }
            _ = candidates.settle(candidate, .untraced(nil, words: nil))
        }
    }

    @Test("a file that is mapped again and again while it is looked into costs no more memory, and every time counts")
    func mappedAgain() {
        var candidates = MappedCandidates(pids: nil)
        func map(at time: Int64) -> MappedCandidates.Verdict {
            candidates.verdict(
                on: ExecutableMapping(
                    pid: 1, time: time, start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file"))
        }
        guard case .look(let candidate) = map(at: 0) else {
            Issue.record("the first mapping is a reason to look")
            return
        }
        for time in 1..<10_000 { _ = map(at: Int64(time)) }
        let waiting = candidates.settle(candidate, .noLibrary)
        #expect(waiting?.count == 10_000)
        #expect(waiting?.times == (waiting?.times.count).map { Array(0..<Int64($0)) })
        #expect((waiting?.times.count ?? 0) < 100)
    }

    @Test("what one owner has no room for is looked at when it is mapped again")
    func crowded() {
        var candidates = MappedCandidates(pids: nil)
        let mapping = ExecutableMapping(
            pid: 1, time: 0, start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file")
        for _ in 1...2 {
            guard case .look(let candidate) = candidates.verdict(on: mapping) else {
                Issue.record("a reason to look")
                return
            }
            _ = candidates.settle(candidate, .crowded(.waiting(.user(1))))
        }
    }

    @Test(
        "a file that another process maps is looked into for its sake, too: the first one's turn may come late, or never"
    )
    func mappedByAnother() {
        var candidates = MappedCandidates(pids: nil)
        func map(by pid: UInt32) -> ProbeJob.MappedCandidate? {
            let mapping = ExecutableMapping(
                pid: pid, time: 0, start: 0x1000, end: 0x2000, device: 1, inode: 2, path: "/file")
            if case .look(let candidate) = candidates.verdict(on: mapping) { return candidate }
            return nil
        }
        let (first, again, other) = (map(by: 1), map(by: 1), map(by: 2))
        #expect(first?.users.map(\.pid) == [1])
        #expect(again == nil)
        #expect(other?.users.map(\.pid) == [2])
        guard let first, let other else { return }
        let waited = candidates.settle(other, .traced(ProbedFile(number: 1, since: 0), detail: nil))
        #expect(waited?.count == 3)
        // What comes of the first one's job changes nothing any more.
        let late = candidates.settle(first, .crowded(.descriptors(.user(1), most: 1)))
        #expect(late == nil)
        #expect(map(by: 3) == nil)
    }

    @Test("as many as there is room for wait; further ones are counted, and taken once some are done")
    func full() {
        var candidates = MappedCandidates(pids: nil)
        var pending: [ProbeJob.MappedCandidate] = []
        func map(_ inode: Int) -> Bool {
            let mapping = ExecutableMapping(
                pid: 1, time: 0, start: 0x1000, end: 0x2000, device: 1, inode: UInt64(inode), path: "/file")
            guard case .look(let candidate) = candidates.verdict(on: mapping) else { return false }
            pending.append(candidate)
            return true
        }
        let most = 1 << 17
        for inode in 1...most { #expect(map(inode)) }
        #expect(!map(most + 1))
        #expect(candidates.takePassedOver() == 1)
        // One that is done makes no pass over all the others worth it.
        candidates.settle(pending[0], .noLibrary)
        #expect(!map(most + 1))
        for candidate in pending.prefix(most / 16) { candidates.settle(candidate, .noLibrary) }
        #expect(map(most + 1))
    }
}
