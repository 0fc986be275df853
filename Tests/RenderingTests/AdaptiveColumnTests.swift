import Testing

@testable import Rendering

@Suite struct AdaptiveColumnTests {
    private final class Origin: Sendable {}

    /// Rows one after the other, on a terminal that changes its width, as `trace` writes them.
    private struct Screen {
        private var writer: RowWriter<Sample>
        private var cache = RowCache()

        /// - Parameter isTerminal: Or a pipe.
        init(_ width: Int?, fields: String? = nil, truncates: Bool = false, isTerminal: Bool = true) throws {
            let selection = try fields.map { try FieldSelection(parsing: $0, schema: Sample.schema) }
            writer = try RowWriter(
                .columns, selection: selection ?? FieldSelection(Sample.schema),
                terminal: isTerminal ? Terminal(width: width, truncates: truncates) : nil)
        }

        mutating func heading(above rows: Sample...) -> [String] {
            var buffer: [UInt8] = []
            writer.appendHeading(above: rows, to: &buffer)
            return Sample.split(buffer)
        }

        mutating func rows(_ rows: Sample..., width: Int? = nil) -> [String] {
            var buffer: [UInt8] = []
            if let width { writer.fit(terminalWidth: width, &cache) }
            for row in rows { writer.append(row, to: &buffer, &cache) }
            return Sample.split(buffer)
        }
    }

    private func place(_ text: String, _ line: String) -> Int? {
        line.firstRange(of: " " + text).map { line.distance(from: line.startIndex, to: $0.lowerBound) }
    }

    private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

    private let host = Sample(pid: 42, tid: 42)
    private let longName = String(repeating: "label.", count: 20) + "example"

    @Test("a column that no row has needed is left out, and comes with a heading once one does")
    func columnsCome() throws {
        var screen = try Screen(80)
        #expect(screen.heading().map(words) == [["PID", "COMM", "NAME"]])
        #expect(screen.rows(host).map(words) == [["42", "wget", "www.github.com"]])
        let thread = Sample(pid: 42, tid: 43)
        #expect(
            screen.rows(host, thread, host).map(words) == [
                ["42", "wget", "www.github.com"], ["PID", "TID", "COMM", "NAME"],
                ["42", "43", "wget", "www.github.com"], ["42", "42", "wget", "www.github.com"],
            ])
        let contained = screen.rows(Sample(container: "web", pid: 42, tid: 42))
        #expect(
            contained.map(words) == [
                ["RUNTIME.CONTAINERNAME", "PID", "TID", "COMM", "NAME"], ["web", "42", "42", "wget", "www.github.com"],
            ])
        #expect(screen.rows(host).map(words) == [["42", "42", "wget", "www.github.com"]], "it stays")
    }

    @Test("rows that are known before the heading have their columns in it")
    func knownRows() throws {
        var screen = try Screen(80)
        let (web, thread) = (Sample(container: "web", pid: 42, tid: 42), Sample(pid: 42, tid: 43))
        #expect(screen.heading(above: host, web).map(words) == [["RUNTIME.CONTAINERNAME", "PID", "COMM", "NAME"]])
        #expect(screen.rows(host, web).count == 2)
        #expect(screen.rows(thread).count == 2)
    }

    @Test("heading and rows line up in every layout", arguments: [60, 80, 120, 200])
    func alignment(width: Int) throws {
        var screen = try Screen(width, fields: "+library")
        let other = Sample(container: "web", pid: 7, tid: 8)
        var lines = screen.heading() + screen.rows(host, other, host)
        lines += screen.rows(host, width: width + 31)
        var heading = ""
        var headings = 0
        for line in lines {
            if line.contains("COMM") {
                heading = line
                headings += 1
            } else {
                for (title, text) in [("COMM", "wget"), ("NAME", "www.")] {
                    #expect(place(title, heading) != nil && place(title, heading) == place(text, line), "\(lines)")
                }
            }
        }
        #expect(headings == 3, "\(lines)")
    }

    @Test("what rows share is looked at once, and shows as if it were not shared")
    func shared() throws {
        let (plain, contained) = (Origin(), Origin())
        let schema = Schema<Sample>(
            Sample.schema.fields.map { $0.path == "name" ? $0 : $0.shared },
            defaultColumns: Sample.schema.defaultColumns, sharing: { $0.container == nil ? plain : contained })
        var writer = try RowWriter(
            .columns, selection: FieldSelection(schema), terminal: Terminal(width: 100))
        var screen = try Screen(100)
        var cache = RowCache()
        var buffer: [UInt8] = []
        writer.appendHeading(to: &buffer)
        var expected = screen.heading()
        let web = Sample(container: "web", pid: 5, tid: 5)
        for (row, width) in [(host, 100), (host, 100), (web, 100), (host, 100), (web, 140), (host, 140), (web, 70)] {
            writer.fit(terminalWidth: width, &cache)
            writer.append(row, to: &buffer, &cache)
            expected += screen.rows(row, width: width)
        }
        #expect(Sample.split(buffer) == expected)
        #expect(expected.count { $0.contains("COMM") } == 4)
    }

    @Test("a name is shown whole unless the user wants lines to fit")
    func wholeNames() throws {
        let row = Sample(container: "a-container-with-a-rather-long-name-of-its-own", name: longName)
        for width in [40, 80, 120] {
            var screen = try Screen(width, fields: "+library")
            #expect(try #require(screen.rows(row).first).contains(" \(longName) "))
            var cut = try Screen(width, fields: "+library", truncates: true)
            for line in cut.rows(row) {
                #expect(line.count <= width)
                #expect(!line.contains(longName) && line.contains("…"))
            }
        }
    }

    @Test("at 80 cells what is empty or repeated leaves its room to the name")
    func room() throws {
        let name = String(repeating: "n", count: 48)
        var screen = try Screen(80)
        let lines = screen.heading() + screen.rows(Sample(pid: 42, tid: 42, name: name))
        #expect(lines == ["PID        COMM             NAME", "42         wget             " + name])
    }

    @Test("the heading is written anew where the terminal's width changes columns, and there alone")
    func widths() throws {
        var screen = try Screen(80, fields: "+library")
        let first = screen.heading()
        #expect(screen.rows(host, width: 80).count == 1)
        let wide = screen.rows(host, host, width: 120)
        #expect(wide.count == 3)
        #expect(wide[0].count > first[0].count)
        #expect(screen.rows(host, width: 120).count == 1)
        #expect(screen.rows(width: 80).isEmpty)
        #expect(screen.rows(host, width: 120).count == 1, "it was another width for no row")
        #expect(screen.rows(host, width: 80).first == first.first)
    }

    @Test("without a heading none is written later")
    func noHeading() throws {
        var screen = try Screen(80)
        #expect(screen.rows(host, Sample(container: "web", pid: 1, tid: 2)).count == 2)
        #expect(screen.rows(host, width: 120).count == 1)
    }

    @Test("columns that the user named are narrow, not left out")
    func named() throws {
        var screen = try Screen(120, fields: "container,pid,tid,comm,name")
        let heading = screen.heading()[0]
        #expect(words(heading) == ["RUNTIME.CONTAINERNAME", "PID", "TID", "COMM", "NAME"])
        #expect(heading.hasPrefix("RUNTIME.CONTAINERNAME PID        TID     COMM"))
        #expect(screen.rows(host).map(words) == [["42", "42", "wget", "www.github.com"]])
        let lines = screen.rows(Sample(container: "web", pid: 42, tid: 42))
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("RUNTIME.CONTAINERNAME                  PID"))
    }

    @Test("where there is no terminal nothing changes")
    func noTerminal() throws {
        var screen = try Screen(nil, isTerminal: false)
        let rows = [host, Sample(container: "web", pid: 42, tid: 43, name: longName), host]
        let lines = screen.heading() + screen.rows(rows[0], rows[1], width: 80) + screen.rows(rows[2], width: 120)
        #expect(lines == [try Sample.heading()] + (try Sample.lines(rows)))
    }

    @Test("a terminal that does not say its width has nothing cut")
    func unknownWidth() throws {
        var screen = try Screen(0)
        #expect(screen.rows(Sample(pid: 42, tid: 42, comm: longName)).first?.contains(longName) == true)
        #expect(screen.heading() == ["PID        COMM             NAME"])
    }
}
