import Foundation
import LibBPF
import Processes
import Testing

@testable import Tracing

@Suite("Processes that are to be spared: who has room")
struct CodeCopierShareTests {
    private let valgrind = CodeCopier(mapping: "/usr/libexec/valgrind/memcheck")
    private let file = InodeIdentity(device: 1, inode: 2)

    private func process(_ pid: Int) -> ProcessIdentity { ProcessIdentity(pid: Int32(pid), startTime: 1) }

    @Test("one user's processes take no room from root's and another's, and the room comes back")
    func shares() throws {
        let copiers = CodeCopiers(limit: nil)
        let valgrind = try #require(valgrind)
        for pid in 1...CodeCopiers.mostOfOwner {
            try copiers.add(process(pid), valgrind, of: .user(1), files: [file])
        }
        #expect(throws: OwnersLimit.copiers(.user(1))) {
            try copiers.add(process(1000), valgrind, of: .user(1), files: [file])
        }
        try copiers.add(process(1001), valgrind, of: .user(2), files: [file])
        // One that is known already needs no more room.
        try copiers.add(process(1), valgrind, of: .user(1), files: [file])
        copiers.remove(1)
        try copiers.add(process(1000), valgrind, of: .user(1), files: [file])
        // All that others may have.
        for pid in 2000..<20_000 { try? copiers.add(process(pid), valgrind, of: .user(UInt32(pid)), files: []) }
        #expect(throws: OwnersLimit.self) { try copiers.add(process(20_000), valgrind, of: .user(3), files: []) }
        try copiers.add(process(20_001), valgrind, of: .host, files: [file])
        #expect(copiers.contains(20_001))
    }

    @Test("the next process with a number is another one, and maps other files")
    func reused() throws {
        let copiers = CodeCopiers(limit: nil)
        let own = try ProcessIdentity(pid: getpid())
        try copiers.add(ProcessIdentity(pid: own.pid, startTime: 1), .other, of: .host, files: [file])
        #expect(copiers.user(of: file) == nil)
        let other = InodeIdentity(device: 1, inode: 3)
        try copiers.add(own, .other, of: .host, files: [other])
        #expect(copiers.user(of: file) == nil)
        #expect(copiers.user(of: other)?.pid == own.pid)
    }
}
