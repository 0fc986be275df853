import Foundation
import Testing

extension EndToEnd {
    @Suite("Options of trace", .asRoot, .having("cc"))
    struct Options {
        /// Traces one library with these options while a program asks for names.
        /// - Parameter last: A further name; the test waits until a line holds it.
        /// - Returns: The tracer, ended.
        private func trace(
            _ options: [String], output: String? = nil, _ names: String..., last: String? = nil
        ) async throws -> (tracer: Program, caller: Int32) {
            let workspace = try Workspace()
            defer { workspace.remove() }
            // Of its own: programs of the host may ask for names meanwhile.
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let format = output.map { ["-o", $0] } ?? []
            let program = try Program([Sniscope.path, "trace", "--binary", library] + format + options)
            defer { program.stop() }
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            try await wait("Tracing", program) {
                if let end = program.end { throw Problem("sniscope ended: \(end)\n\(program.account)") }
                return program.errors.contains("Tracing")
            }
            for name in names { try await caller.tell("name \(name)") }
            if let last {
                try await caller.tell("name \(last)")
                try await wait("a row for \(last)", program) { program.output.contains(last) }
            }
            if program.end == nil && last != nil { program.signal(SIGINT) }
            #expect(try await program.waitForEnd() == .exited(0), "\(program.account)")
            return (program, caller.pid)
        }

        @Test("columns: heading, row, summary")
        func columns() async throws {
            let name = uniqueName("columns")
            let (tracer, pid) = try await trace(["--name", "columns-*"], last: name)
            let heading = try #require(tracer.output.all.first)
            #expect(
                heading.split(separator: " ").map(String.init)
                    == ["RUNTIME.CONTAINERNAME", "PID", "TID", "COMM", "NAME", "LIBRARY"])
            let row = try #require(tracer.output.all.last)
            #expect(
                row.split(separator: " ").map(String.init) == ["\(pid)", "\(pid)", "caller", name, "OpenSSL"])
            func column(_ text: String, in line: String) -> Int? {
                line.range(of: text).map { line.distance(from: line.startIndex, to: $0.lowerBound) }
            }
            #expect(column("NAME ", in: String(heading.dropFirst(30))) == column(name, in: String(row.dropFirst(30))))
            #expect(tracer.errors.all.last?.contains("lost") == true)
            #expect(tracer.errors.contains("Tracing 1 TLS library in 1 file"))
        }

        @Test("JSON pretty and YAML hold the same event")
        func formats() async throws {
            let name = uniqueName("format")
            let pretty = try await trace(["--name", name], output: "jsonpretty", last: name)
            let event = try Event(json: pretty.tracer.output.text)
            #expect(event.name == name)
            #expect(event.proc.pid == pretty.caller)
            #expect(pretty.tracer.output.all.count > 20)
            let yaml = try await trace(["--name", name], output: "yaml", last: name).tracer.output
            #expect(yaml.contains("name: ") && yaml.contains(name))
            #expect(yaml.contains("  comm: caller") || yaml.contains("  comm: \"caller\""), "\(yaml.text)")
        }

        @Test("--fields: exactly these, or more and fewer")
        func fields() async throws {
            let name = uniqueName("fields")
            let exact = try await trace(["--fields", "name,uid,library.kind", "--no-header"], last: name).tracer.output
            #expect(exact.all.last?.split(separator: " ").map(String.init) == [name, "0", "OpenSSL"])
            let more = try await trace(["--fields", "+exe,-tid,-runtime.containerName"], last: name).tracer.output
            #expect(
                more.all.first?.split(separator: " ").map(String.init) == ["PID", "COMM", "NAME", "LIBRARY", "EXE"])
            let json = try await trace(["--fields", "name,proc.comm"], output: "json", last: name).tracer.output
            #expect(json.all.last == #"{"proc":{"comm":"caller"},"name":"\#(name)"}"#)
        }

        @Test("a column's heading names its field", arguments: ["-F library==OpenSSL", "-F comm==caller"])
        func headings(option: String) async throws {
            let name = uniqueName("heading")
            let words = option.split(separator: " ").map(String.init)
            #expect(try await trace(words + ["--name", name, "--no-header"], last: name).tracer.output.all.count == 1)
        }

        @Test("filters leave out what does not match")
        func filters() async throws {
            let (wanted, unwanted) = (uniqueName("wanted"), uniqueName("unwanted"))
            for options in [
                ["-F", "name==\(wanted)"], ["-F", "name!=\(unwanted)"], ["-F", "name~^wanted"],
                ["-F", "proc.comm==caller,name!~^un"], ["--name", "wanted-*"], ["--name", "!un*"],
            ] {
                let rows = try await trace(options + ["--no-header"], unwanted, last: wanted).tracer.output.all
                #expect(rows.count == 1, "\(options): \(rows)")
            }
        }

        @Test("processes by comm, uid and pid, included and excluded")
        func processes() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await libraryPath("libssl.so.3")
            let path = try await Caller.compile(in: workspace)
            let other = try await Caller(try workspace.copy(path, as: "other"), library: library)
            defer { other.stop() }
            let caller = try await Caller(path, library: library)
            defer { caller.stop() }
            for options in [
                ["--comm", "caller"], ["--comm", "c?ller"], ["--comm", "!other"], ["--pid", "\(caller.pid)"],
                ["--pid", "!\(other.pid)"], ["--uid", "0,65534", "--comm", "caller,x"],
            ] {
                let tracer = try await Tracer(
                    output: "json", command: [Sniscope.path, "trace", "--name", "who-*"] + options)
                defer { tracer.stop() }
                let names = (uniqueName("who"), uniqueName("who"))
                try await other.tell("name \(names.0)")
                try await caller.tell("name \(names.1)")
                try await tracer.event(named: names.1)
                #expect(try await tracer.finish().map(\.name) == [names.1], "\(options)")
            }
            let nobody = try await Tracer("--uid", "65534", "--count", "1", "--timeout", "0.5")
            defer { nobody.stop() }
            try await caller.tell("name \(uniqueName("root"))")
            #expect(try await nobody.program.waitForEnd() == .exited(0))
            #expect(nobody.program.output.all.isEmpty)
        }

        @Test("--count, --timeout and --unique")
        func limits() async throws {
            let names = (uniqueName("a"), uniqueName("b"))
            let counted = try await trace(["--count", "2", "--no-header"], names.0, names.1, names.0)
            #expect(counted.tracer.output.all.count == 2)
            let start = ContinuousClock.now
            let timed = try await Sniscope.run("trace", "--timeout", "0.2", "--comm", "nobody-of-that-name")
            #expect(timed.end == .exited(0))
            #expect(ContinuousClock.now - start > .milliseconds(200))
            let unique = try await trace(["--unique", "--no-header"], names.0, names.0, names.0, last: names.1)
            #expect(unique.tracer.output.all.count == 2)
            #expect(unique.tracer.errors.contains("4 server names, 0 lost, 2 shown"))
        }

        @Test("-q is quiet, --no-header leaves the rows alone")
        func quiet() async throws {
            let program = try await Sniscope.run("trace", "-q", "--no-header", "--timeout", "0.1", "--comm", "no-one")
            #expect(program.end == .exited(0))
            #expect(program.output.all.isEmpty)
            #expect(program.errors.all.isEmpty)
        }

        @Test("by uprobe_multi and by perf events, every call is one event", arguments: ["multi", "perf"])
        func methods(method: String) async throws {
            let name = uniqueName(method)
            let (tracer, _) = try await trace(["--attach", method, "--no-header"], name, name, last: name)
            #expect(tracer.output.all.count { $0.contains(name) } == 3)
        }

        @Test("an output file gets the rows, for its owner alone")
        func outputFile() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let file = workspace.path + "/names"
            let name = uniqueName("file")
            let tracer = try await trace(["--output-file", file, "--count", "1"], name).tracer
            #expect(tracer.output.all.isEmpty)
            #expect(try String(contentsOfFile: file, encoding: .utf8).contains(name))
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }

        /// Traces into a file while a program asks for names without a pause.
        private func tracing(
            into file: String, _ workspace: Workspace, _ body: (Tracer) async throws -> Void
        ) async throws {
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let tracer = try await Tracer("--binary", library, "--output-file", file)
            defer { tracer.stop() }
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            func ask(_ numbers: ClosedRange<Int>) async throws {
                for number in numbers { try await caller.tell("name rotated-\(number).test") }
            }
            try await ask(1...20)
            async let asking: Void = ask(21...420)
            try await body(tracer)
            try await asking
            try await ask(421...440)
            try await tracer.finish()
        }

        private func numbers(_ file: String) throws -> [Int] {
            try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map { line in
                let name = try #require(try Event(json: String(line)).name)
                return try #require(Int(name.dropFirst("rotated-".count).dropLast(".test".count)))
            }
        }

        @Test("SIGHUP opens the output file anew: no row is lost, split or written twice")
        func rotation() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let file = workspace.path + "/names"
            try await tracing(into: file, workspace) { tracer in
                for round in 0..<5 {
                    #expect(rename(file, "\(file).\(round)") == 0)
                    tracer.program.signal(SIGHUP)
                    try await wait("the new file", tracer.program) { FileManager.default.fileExists(atPath: file) }
                }
                // What can't be opened is told, and the old file stays.
                #expect(rename(file, file + ".5") == 0)
                #expect(symlink("/dev/null", file) == 0)
                tracer.program.signal(SIGHUP)
                try await tracer.notice(containing: "rows still go to the file that was opened before")
            }
            let all = try (0...5).flatMap { try numbers("\(file).\($0)") }
            #expect(all == Array(1...440))
        }

        @Test("a file is appended to, and has no hole once it is truncated (copytruncate)")
        func appending() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let file = try workspace.write("before\n", to: "names")
            try await tracing(into: file, workspace) { tracer in
                try await wait("rows", tracer.program) {
                    try String(contentsOfFile: file, encoding: .utf8).contains("rotated-20.test")
                }
                #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix("before\n{"))
                #expect(truncate(file, 0) == 0)
            }
            let found = try numbers(file)
            let first = try #require(found.first)
            #expect(found == Array(first...440))
        }
    }
}
