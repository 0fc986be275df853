import Foundation
import OS
import TLSLibraries
import Testing

@Suite("How long a file may be looked into")
struct BudgetTests {
    @Test("a brief look ends after a moment, another one at so many bytes", arguments: [true, false])
    func brief(isBrief: Bool) throws {
        let path = FileManager.default.temporaryDirectory.path + "/sniscope-\(UUID().uuidString)"
        try Data([1]).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        try handle.truncate(atOffset: 1 << 40)
        let file = BudgetedFile(try RegularFile(path: path), isBrief: isBrief)
        let begun = Clock.threadTime
        var problem: (any Error)?
        while problem == nil {
            do {
                // Few bytes, much time: what is done with them counts.
                for offset in 0..<100_000 where offset % 2 == 0 { _ = try file.read(at: UInt64(offset), count: 1) }
                if !isBrief { _ = try file.read(at: 0, count: 32 << 20) }
            } catch {
                problem = error
            }
        }
        if isBrief {
            guard case BudgetError.moment? = problem else {
                Issue.record("\(problem as Any)")
                return
            }
            #expect(Clock.threadTime - begun < 1_000_000_000)
        } else {
            guard case BudgetError.bytes? = problem else {
                Issue.record("\(problem as Any)")
                return
            }
        }
    }
}
