import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Containers come and go, and nothing of them stays", .asRoot, .having("runc", "cc", "ldd", "bpftool"))
    struct Churn {
        /// `Benchmarks/run churn` takes 2,000.
        static let count = ProcessInfo.processInfo.environment["SNISCOPE_TEST_CHURN"].flatMap { Int($0) } ?? 200
        /// One in so many brings a library and a client of its own.
        static let fresh = 10

        @Test("descriptors, links, map entries, threads and memory are back to where they were")
        func comeAndGo() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let bundles = try await Bundles(in: workspace)
            let tracer = try await Tracer("--name", "first-call-*", "--scope", "containers")
            defer { tracer.stop() }
            // What is taken once and kept is no leak.
            var names = try await bundles.run(Self.count / 5, prefix: "before")
            let before = try await settled(tracer.program)
            names += try await bundles.run(Self.count, prefix: "after")
            var last = before
            do {
                // What nobody maps any more is released some time later.
                try await wait("what it held before", seconds: 60, tracer.program) {
                    last = try await Holdings(of: tracer.program.worker())
                    return last.isAtMost(before)
                }
            } catch {
                Issue.record("before \(Self.count) containers: \(before); after: \(last)")
            }
            // A kilobyte for each would be a leak; an allocator keeps some of what it was given back.
            #expect(last.anonymous - before.anonymous < 1 << 20 + Self.count << 8)
            let asked = Set(names)
            let seen = Set(try await tracer.finish().compactMap(\.name))
            #expect(asked.subtracting(seen).isEmpty, "of \(asked.count) first calls")
        }

        /// Once nothing changes any more.
        private func settled(_ program: Program) async throws -> Holdings {
            var (last, same) = (try await Holdings(of: program.worker()), 0)
            try await wait("the end of changes", seconds: 60, program) {
                let now = try await Holdings(of: program.worker())
                same = now.isAtMost(last) && last.isAtMost(now) ? same + 1 : 0
                last = now
                try await Task.sleep(for: .milliseconds(100))
                return same > 30
            }
            return last
        }
    }
}

/// What a process holds.
private struct Holdings: CustomStringConvertible {
    private var counts = ["descriptors": 0, "links": 0, "map entries": 0, "threads": 0]
    /// Bytes of memory of its own.
    let anonymous: Int

    init(of pid: Int32) async throws {
        let files = FileManager.default
        var maps: Set<Substring> = []
        for descriptor in try files.contentsOfDirectory(atPath: "/proc/\(pid)/fdinfo") {
            // It may be closed meanwhile.
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/fdinfo/\(descriptor)", encoding: .utf8) else {
                continue
            }
            counts["descriptors", default: 0] += 1
            let fields = Dictionary(
                text.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace) }.filter { $0.count == 2 }
                    .map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
            if fields["link_id:"] != nil { counts["links", default: 0] += 1 }
            // BPF_MAP_TYPE_HASH and _LRU_HASH; the entries of arrays are always there.
            if ["1", "9"].contains(fields["map_type:"]), let id = fields["map_id:"] { maps.insert(id) }
        }
        for id in maps {
            let dump = try await Program.check("bpftool", "-j", "map", "dump", "id", String(id))
            let entries = try JSONSerialization.jsonObject(with: Data(dump.utf8)) as? [Any]
            counts["map entries", default: 0] += try #require(entries).count
        }
        counts["threads"] = try files.contentsOfDirectory(atPath: "/proc/\(pid)/task").count
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        anonymous = 1024 * (Int(line.filter(\.isNumber)) ?? 0)
    }

    /// Without memory, which its allocator gives back as it likes.
    func isAtMost(_ other: Holdings) -> Bool {
        counts.allSatisfy { $0.value <= other.counts[$0.key, default: 0] }
    }

    var description: String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            + ", \(anonymous >> 10) KB"
    }
}

/// OCI bundles of the client and what it loads, from the host's own files.
private struct Bundles: Sendable {
    private let folder: String
    private let client: FreshTemplate
    private let library: FreshTemplate

    init(in workspace: Workspace) async throws {
        folder = workspace.path
        let client = try await FirstCall.compile(in: workspace)
        let script = #"""
            mkdir -p "$0/shared/proc" "$0/shared/dev"
            cp "$1" "$0/shared/client"
            for library in $(ldd "$1" | grep -o '/[^ ]*'); do cp -L --parents "$library" "$0/shared"; done
            """#
        try await Program.check("sh", "-ec", script, workspace.path, client)
        self.client = try FreshTemplate(file: client)
        library = try FreshTemplate(file: try await libraryPath("libssl.so.3"))
    }

    /// Runs so many containers to their ends, two at once.
    /// - Returns: The names that those with a library of their own asked for.
    func run(_ count: Int, prefix: String) async throws -> [String] {
        try await each(below: count, atOnce: 2) { number in
            let id = "sniscope-churn-\(prefix)-\(number)"
            try FileManager.default.createDirectory(atPath: "\(folder)/\(id)", withIntermediateDirectories: false)
            let root = number % Churned.fresh == 0 ? try await freshRoot(of: id) : folder + "/shared"
            let config = """
                {"ociVersion": "1.0.2", "root": {"path": "\(root)"},
                 "process": {"user": {"uid": 0, "gid": 0}, "args": ["/client", "4000"], "cwd": "/", "env": []},
                 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
                 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}]}}
                """
            try Data(config.utf8).write(to: URL(filePath: "\(folder)/\(id)/config.json"))
            let program = try await Program.run("runc", "run", "--bundle", "\(folder)/\(id)", id)
            guard program.end == .exited(0) else { throw Problem("runc run: \(program.account)") }
            let line = try #require(program.output.all.first?.split(separator: " "))
            if number % Churned.fresh == 0 { try Data(line[2].utf8).write(to: URL(filePath: "\(folder)/\(id).asked")) }
            try FileManager.default.removeItem(atPath: "\(folder)/\(id)")
        }
        return try (0..<count).filter { $0 % Churned.fresh == 0 }.map { number in
            try String(contentsOfFile: "\(folder)/sniscope-churn-\(prefix)-\(number).asked", encoding: .utf8)
        }
    }

    private typealias Churned = EndToEnd.Churn

    private func freshRoot(of id: String) async throws -> String {
        let root = "\(folder)/\(id)/rootfs"
        try await Program.check("cp", "-al", folder + "/shared", root)
        let loaded = try await Program.check("sh", "-c", #"find "$0" -name 'libssl.so.3'"#, root)
        for (path, template) in [(root + "/client", client), (loaded, library)] {
            // A new file: the old one is the shared one.
            try FileManager.default.removeItem(atPath: path)
            let draft = "\(folder)/\(id)/draft"
            try template.fresh().data.write(to: URL(filePath: draft))
            // By a program: a child that another test forks just now would keep this one's descriptor, and a file that
            // is open for writing can't be executed.
            try await Program.check("install", "-m", "755", draft, path)
        }
        return root
    }
}
