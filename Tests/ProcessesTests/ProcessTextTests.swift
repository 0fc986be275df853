import OS
import Testing

@testable import Processes

@Suite("The text files of a process")
struct ProcessTextTests {
    @Test(
        "the start time is counted from the last parenthesis",
        arguments: ["cat", "a b", "a) R 1 (", "x) S 7 7 7", "(((", ")", "", "new\nline", "tmux: server"])
    func comm(name: String) throws {
        let rest = "S 42 5 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654321 1000 200 18446744073709551615 0\n"
        let status = try #require(ProcessStatus(stat: Array("4711 (\(name)) \(rest)".utf8)))
        #expect(status.comm == name)
        #expect(status.state == "S")
        #expect(status.parent == 42)
        #expect(status.startTime == 987_654_321)
    }

    @Test("a process that is older than the clock of a time namespace began before that")
    func olderThanClock() throws {
        let second = UInt64(Clock.ticksPerSecond)
        // As the kernel counts below 0: nanoseconds without a sign, then divided.
        let before = (0 &- 5_000_000_000) / (1_000_000_000 / second)
        func startedAt(_ ticks: UInt64) throws -> Int64 {
            let text = "1 (a) S 42 5 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 \(ticks) 1000 200 0\n"
            return try #require(ProcessStatus(stat: Array(text.utf8))).startedAt
        }
        let distance = try startedAt(100 * second) - startedAt(before)
        #expect(abs(distance - 105_000_000_000) < 1_000_000_000)
    }

    @Test(
        "a stat file that is cut or garbage is nil",
        arguments: ["", "(", ")", ")(", "1 (a)", "1 (a) S 1 2", "1 (a) S x 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5 0"])
    func badStat(text: String) {
        #expect(ProcessStatus(stat: Array(text.utf8)) == nil)
    }

    @Test("arguments, empty ones too")
    func arguments() {
        #expect(ProcessRecord.arguments(in: []) == [])
        #expect(ProcessRecord.arguments(in: Array("ls\0-l\0\0/\0".utf8)) == ["ls", "-l", "", "/"])
        #expect(ProcessRecord.arguments(in: Array("nginx: master".utf8)) == ["nginx: master"])
    }

    @Test("the real ids")
    func credentials() throws {
        let status = "Name:\tUid:\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nGid:\t100\t5\t5\t5\n"
        let (uid, gid) = try #require(ProcessRecord.credentials(in: Array(status.utf8)))
        #expect(uid == 1000 && gid == 100)
        #expect(ProcessRecord.credentials(in: Array("Uid:\nGid:\n".utf8)) == nil)
    }
}
