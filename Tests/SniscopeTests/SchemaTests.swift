import Foundation
import Testing

extension EndToEnd {
    @Suite("JSON: one object a line, its keys in a fixed order", .asRoot, .having("cc"))
    struct JSON {
        @Test("an event of the host")
        func event() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await libraryPath("libssl.so.3")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("schema")
            let began = Date()
            try await caller.tell("name \(name)")
            let event = try await tracer.onlyEvent(named: name)
            let line = try #require(tracer.program.output.all.first { $0.contains(name) })
            #expect(
                Self.keys(line) == [
                    "timestamp", "proc", "pid", "tid", "comm", "exe", "mntns_id", "creds", "uid", "gid", "parent",
                    "pid", "comm", "netns_id", "name", "library", "kind", "version", "path", "buildId", "function",
                    "located", "connection", "source",
                ])

            #expect(event.timestamp.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/) != nil)
            let formatter = ISO8601DateFormatter()
            let date = try #require(formatter.date(from: event.timestamp.prefix(19) + "Z"))
            #expect(date > began - 2 && date < Date() + 1)
            #expect(event.proc.parent.pid == getpid())
            #expect(event.proc.creds.gid == getgid())
            let namespaces = try ["mnt", "net"].map {
                try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/\($0)")
            }
            #expect(namespaces == ["mnt:[\(event.proc.mountNamespace)]", "net:[\(event.networkNamespace)]"])
            #expect(event.library.path == library)
            #expect(event.library.located == "dynsym")
            #expect(event.source == "uprobe")
        }

        @Test("one connection's calls have one value, which is not its address")
        func connection() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await libraryPath("libssl.so.3")
            let path = try await Caller.compile(in: workspace)
            let caller = try await Caller(path, library: library)
            defer { caller.stop() }
            let other = try await Caller(path, library: library)
            defer { other.stop() }
            let tracer = try await Tracer("--binary", library, "--name", "call-*")
            defer { tracer.stop() }
            let names = (0..<3).map { _ in uniqueName("call") }
            try await caller.tell("name \(names[0])")
            try await caller.tell("name \(names[1])")
            try await other.tell("name \(names[2])")
            try await tracer.event(named: names[2])
            let connections = try await tracer.finish().map(\.connection)
            #expect(connections.count == 3)
            #expect(connections[0] != nil)
            #expect(connections[0] == connections[1])
            #expect(connections[0] != connections[2])
        }

        @Test("inspect and list")
        func files() async throws {
            let library = try await libraryPath("libssl.so.3")
            let report = try await Sniscope.run("inspect", "-o", "json", library)
            #expect(
                Self.keys(report.output.text) == [
                    "path", "buildId", "machine", "stripped", "libraries", "kind", "version", "functions", "function",
                    "fileOffset", "probeOffset", "instruction", "located",
                ])
            let workspace = try Workspace()
            defer { workspace.remove() }
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let list = try await Sniscope.run("list", "-o", "json", "--pid", "\(caller.pid)")
            #expect(
                Self.keys(list.output.text) == [
                    "path", "buildId", "machine", "stripped", "libraries", "kind", "version", "functions", "function",
                    "fileOffset", "probeOffset", "instruction", "located", "processes", "pid", "comm", "containers",
                    "traced",
                ])
        }

        /// Every key, in the order of the text.
        private static func keys(_ json: String) -> [String] {
            json.matches(of: /"([A-Za-z0-9_]+)":/).map { String($0.output.1) }
        }
    }
}
