import Containers
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
                guard case .located(let places)? = reports.take(within: 30_000) else { break }
                reader.proceed()
                for (id, place) in places { found.updateValue(place?.path, forKey: id) }
            }
            #expect(found == [id: path, .max: nil])
        }
    }

    @Test("many answers come in parts, each after the one before was taken in")
    func parts() throws {
        defer { reader.close() }
        let most = CgroupReader.mostInReport
        for number in 0..<UInt64(3 * most) { reader.locate(cgroup: .max - number) }
        var found: Set<UInt64> = []
        while found.count < 3 * most {
            guard case .located(let places)? = reports.take(within: 30_000) else { break }
            #expect(places.count <= most && reports.isEmpty)
            found.formUnion(places.map(\.id))
            reader.proceed()
        }
        #expect(found.count == 3 * most)
    }

    @Test("whose a group that was found is, if it is called like a container's")
    func owners() {
        let ownership = CgroupOwnership(mounts: [])
        let slice = "/user.slice/user-1000.slice/user@1000.service"
        let container = "/libpod-\(String(repeating: "a", count: 64)).scope"
        #expect(CgroupReader.Place(slice + container, ownership).uid == 1000)
        #expect(CgroupReader.Place(container, ownership).uid == 0)
        #expect(CgroupReader.Place(slice + container + "/below", ownership).uid == nil)
    }

    @Test("what a group that is called like a container's tells; nothing of another one", .timeLimit(.minutes(1)))
    func stubs() {
        defer { reader.close() }
        let id = String(repeating: "a", count: 64)
        var found: [String: Container?] = [:]
        for path in ["/system.slice/docker-\(id).scope", "/system.slice"] { reader.readStub(cgroup: path) }
        while found.count < 2 {
            guard case .stub(let path, let container)? = reports.take(within: 30_000) else { break }
            found.updateValue(container, forKey: path)
        }
        #expect(found["/system.slice/docker-\(id).scope"]??.id == id && found["/system.slice"] == .some(nil))
    }

    @Test("what has come and gone unseen")
    func difference() throws {
        defer { reader.close() }
        try withCgroup { id, path in
            reader.compare(
                CgroupReader.Known(ids: [.max], paths: ["/no-such-group", path]))
            var (gone, gonePaths): ([UInt64], [String]) = ([], [])
            var isFound = false
            while !isFound {
                guard case .compared(let difference)? = reports.take(within: 30_000) else { break }
                #expect(
                    [difference.gone.count, difference.gonePaths.count, difference.new.count].max() ?? 0
                        <= CgroupReader.mostInReport)
                gone += difference.gone
                gonePaths += difference.gonePaths
                isFound = difference.new.contains { $0.id == id && $0.place.path == path }
                reader.proceed()
            }
            #expect(isFound && gone == [.max] && gonePaths == ["/no-such-group"])
        }
    }
}
