import Foundation
import OS
import Processes
import Testing

@testable import Tracing

@Suite("What is read of control groups", .enabled(if: getuid() == 0, "control groups are made by root"))
struct CgroupReaderTests {
    private let layout: CgroupLayout
    private let mountPoint: String
    private let reports = BlockingQueue<CgroupReader.Report>()
    private let reader: CgroupReader

    init() throws {
        layout = try .current()
        mountPoint = try #require(layout.unified, "a v2 hierarchy")
        reader = try CgroupReader(layout) { [reports] in reports.put($0) }
    }

    private func withCgroup(_ body: (_ id: UInt64, _ path: String) throws -> Void) throws {
        // Longer than a record holds.
        let parts = (1...3).map { "sniscope-\($0)-\(UUID().uuidString)-" + String(repeating: "x", count: 180) }
        let paths = (1...3).map { "/" + parts.prefix($0).joined(separator: "/") }
        for path in paths { mkdir(mountPoint + path, 0o755) }
        defer { for path in paths.reversed() { rmdir(mountPoint + path) } }
        try body(try CgroupTree(mountPoint: mountPoint).id(ofPath: paths[2]), paths[2])
    }

    @Test("the whole of a long path; nothing for a group that is gone")
    func location() throws {
        defer { reader.close() }
        try withCgroup { id, path in
            reader.locate(cgroup: id)
            reader.locate(cgroup: .max)
            var found: [UInt64: String?] = [:]
            while found.count < 2 {
                guard case .located(let paths)? = reports.take(within: 30_000) else { break }
                found.merge(paths) { $1 }
            }
            #expect(found == [id: path, .max: nil])
        }
    }

    @Test("what has come and gone unseen")
    func difference() throws {
        defer { reader.close() }
        try withCgroup { id, path in
            reader.compare(
                CgroupReader.Known(ids: [.max], paths: ["/no-such-group", path]))
            guard case .compared(let difference)? = reports.take(within: 30_000) else {
                Issue.record("no answer")
                return
            }
            #expect(difference.gone == [.max] && difference.gonePaths == ["/no-such-group"])
            #expect(difference.new.contains { $0.id == id && $0.path == path })
        }
    }
}
