import Foundation
import OS
import Testing

@Suite("Reports of files that change in place", .serialized)
struct ModificationMonitorTests {
    private let path = FileManager.default.temporaryDirectory.path + "/sniscope-watched-\(UUID().uuidString.prefix(8))"

    init() throws {
        try Data(repeating: 1, count: 10_000).write(to: URL(filePath: path))
    }

    private func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    private func wait(for monitor: ModificationMonitor) throws -> Bool {
        let poller = try Poller()
        try poller.add(monitor.descriptor, tag: 1)
        return try poller.wait(milliseconds: 2000) == [1]
    }

    /// What the kernel says that the monitor watches.
    private func watches(of monitor: ModificationMonitor) throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/fdinfo/\(monitor.descriptor)", encoding: .utf8)
        return text.split(separator: "\n").count { $0.hasPrefix("inotify wd:") }
    }

    @Test("it is written to in the middle, truncated, filled anew: one report, and no watch is left")
    func modified() throws {
        defer { remove() }
        let monitor = try ModificationMonitor()
        let changes: [(FileHandle) throws -> Void] = [
            { file in
                try file.seek(toOffset: 5000)
                try file.write(contentsOf: Data([2]))
            },
            { try $0.truncate(atOffset: 100) },
            { file in
                try file.truncate(atOffset: 0)
                for _ in 0..<1000 { try file.write(contentsOf: Data([3])) }
            },
        ]
        for change in changes {
            let watch = try monitor.watch(RegularFile(path: path))
            #expect(try watches(of: monitor) == 1)
            #expect(monitor.drain().isEmpty)
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            try change(file)
            try file.close()
            #expect(try wait(for: monitor))
            #expect(monitor.drain() == [.modified(watch)])
            #expect(try watches(of: monitor) == 0)
            #expect(monitor.drain().isEmpty)
        }
    }

    @Test("what leaves the content as it is is not reported: reading, mapping, a new mode, a new name")
    func unmodified() throws {
        defer { remove() }
        let other = path + "-other"
        defer { try? FileManager.default.removeItem(atPath: other) }
        let monitor = try ModificationMonitor()
        let watch = try monitor.watch(RegularFile(path: path))
        _ = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped).reduce(0) { $0 &+ $1 }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try FileManager.default.moveItem(atPath: path, toPath: other)
        try Data([1]).write(to: URL(filePath: path))
        #expect(monitor.drain().isEmpty)
        // It is the file that is watched, under whatever name.
        let file = try #require(FileHandle(forUpdatingAtPath: other))
        try file.write(contentsOf: Data([2]))
        try file.close()
        #expect(monitor.drain() == [.modified(watch)])
    }

    @Test("a file has one watch, each watch its own number, and a removed one reports nothing")
    func removed() throws {
        defer { remove() }
        let monitor = try ModificationMonitor()
        let first = try monitor.watch(RegularFile(path: path))
        #expect(try monitor.watch(RegularFile(path: path)) == first)
        monitor.remove(first)
        #expect(try watches(of: monitor) == 0)
        let second = try monitor.watch(RegularFile(path: path))
        #expect(second != first)
        monitor.remove(first)
        #expect(try watches(of: monitor) == 1)
        monitor.remove(second)
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.write(contentsOf: Data([2]))
        try file.close()
        #expect(monitor.drain().isEmpty)
    }

    @Test("nothing is left of a deleted file, nor of the monitor")
    func deleted() throws {
        defer { remove() }
        let descriptor: Int32
        do {
            let monitor = try ModificationMonitor()
            descriptor = monitor.descriptor
            _ = try monitor.watch(RegularFile(path: path))
            try FileManager.default.removeItem(atPath: path)
            // A process that another test starts just now has the file open until it is another program.
            let deadline = Date.now + 5
            while try watches(of: monitor) > 0, Date.now < deadline { Threads.sleep(milliseconds: 1) }
            #expect(try watches(of: monitor) == 0)
            #expect(monitor.drain().isEmpty)
            #expect(target(of: descriptor)?.contains("inotify") == true)
        }
        #expect(target(of: descriptor)?.contains("inotify") != true)
    }

    private func target(of descriptor: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
    }
}
