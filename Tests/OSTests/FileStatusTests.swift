import Glibc
import Testing

@testable import OS

@Suite("What stat says of a file")
struct FileStatusTests {
    private func status(seconds: Int, nanoseconds: Int = 0, blocks: Int = 0) -> FileStatus {
        var status = stat()
        status.st_ctim = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        status.st_blocks = blocks
        return FileStatus(status)
    }

    @Test("change times that do not fit are the highest and the lowest")
    func changeTime() {
        #expect(status(seconds: 1_700_000_000, nanoseconds: 5).changedAt == 1_700_000_000_000_000_005)
        #expect(status(seconds: -1, nanoseconds: 5).changedAt == -999_999_995)
        #expect(status(seconds: 9_223_372_036, nanoseconds: 854_775_807).changedAt == .max)
        // The last second of ext4, and of a file system in user space.
        for seconds in [9_223_372_036, 15_032_385_535, .max] {
            #expect(status(seconds: seconds, nanoseconds: 999_999_999).changedAt == .max)
        }
        #expect(status(seconds: .min).changedAt == .min)
    }

    @Test("blocks that do not fit are the most")
    func blocks() {
        #expect(status(seconds: 0, blocks: 3).allocated == 1536)
        #expect(status(seconds: 0, blocks: .max).allocated == .max)
        #expect(status(seconds: 0, blocks: -1).allocated == 0)
    }
}
