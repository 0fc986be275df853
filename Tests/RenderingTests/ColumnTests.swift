import Testing

@testable import Rendering

@Suite struct ColumnTests {
    /// The cells of a line, counted by scalars: by the tests' own rule for the few wide characters that they use.
    private func cells(_ line: String) -> Int {
        line.unicodeScalars.reduce(0) { $0 + ("日本語🦊".unicodeScalars.contains($1) ? 2 : $1 == "\u{301}" ? 0 : 1) }
    }

    private let long = Sample(
        container: "default/web-frontend-7d4b9c6f5d-abcde/container-with-a-long-name",
        name: "a-very-long-label-of-some-service.europe-west1.some-cloud-provider.example.com")

    @Test func headingIsTheReferenceLayout() throws {
        #expect(
            try Sample.heading()
                == "RUNTIME.CONTAINERNAME                  PID        TID        COMM             NAME")
    }

    @Test func rowLinesUpWithTheHeading() throws {
        let row = Sample(container: "test-trace-sni")
        #expect(
            try Sample.lines([row])
                == ["test-trace-sni                         3917791    3917791    wget             www.github.com"])
    }

    @Test func fieldThatDoesNotApplyLeavesItsPlaceEmpty() throws {
        let lines = try Sample.lines([Sample()])
        #expect(lines[0].hasPrefix(String(repeating: " ", count: 39) + "3917791    "))
    }

    @Test func lineDoesNotEndInPadding() throws {
        let lines = try Sample.lines([Sample(name: nil, library: nil)], fields: "comm,name,library")
        #expect(lines == ["wget"])
    }

    @Test func withoutTerminalNothingIsCut() throws {
        let line = try Sample.lines([long], fields: "container,pid,name,library")[0]
        #expect(line.split(separator: " ").map(String.init) == [long.container, "3917791", long.name, long.library])
        #expect(line.hasPrefix(try #require(long.container) + " 3917791    a-very"))
    }

    @Test(arguments: [60, 72, 80, 81, 100, 132, 200, 317])
    func lineFitsTheTerminal(width: Int) throws {
        let fields = "container,pid,tid,comm,name,library"
        let unicode = Sample(container: "日本語日本語日本語日本語日本語", comm: "日本語🦊🦊🦊🦊", name: long.name)
        for line in try Sample.lines([long, Sample(), unicode], fields: fields, terminalWidth: width) {
            #expect(cells(line) <= width, "\(line)")
        }
        #expect(try Sample.heading(fields: fields, terminalWidth: width).count <= width)
    }

    @Test func at80CellsIdentifiersStayWhole() throws {
        let line = try Sample.lines([long], terminalWidth: 80)[0]
        #expect(cells(line) == 80)
        #expect(line.contains("…    3917791") || line.contains("… 3917791"))
        #expect(line.contains(" wget "))
        #expect(line.hasSuffix("…"))
    }

    @Test func at200CellsTheExtraGoesToFlexibleColumns() throws {
        let fields = "container,pid,tid,comm,name,library"
        let line = try Sample.lines([long], fields: fields, terminalWidth: 200)[0]
        #expect(line.contains(" 3917791    3917791    wget             "))
        #expect(line.contains("container-wi"))
        #expect(line.hasSuffix("/x86_64-linux-gnu/libgnutls.so.30"))
        #expect(cells(line) <= 200)
        #expect(try Sample.heading(fields: fields, terminalWidth: 200).count > 150)
    }

    @Test func manyColumnsFitBelowTheirMinimum() throws {
        let all = Sample.schema.fields.map(\.path).joined(separator: ",")
        let line = try Sample.lines([long], fields: all, terminalWidth: 40)[0]
        #expect(cells(line) <= 40)
    }

    @Test func layoutUsesTheWholeLineAndNoMore() {
        // Minimums add up to 57 cells, 62 with the spaces; 76 with the columns that don't flex at their widths.
        let shapes = [(38, 12, true), (10, 7, false), (10, 7, false), (16, 8, false), (32, 20, true), (24, 3, true)]
        let columns = shapes.map { Column("", heading: "", width: $0, minimumWidth: $1, flexible: $2) }
        for width in 11...300 {
            let widths = ColumnLayout.widths(of: columns, terminalWidth: width)
            #expect(widths.reduce(0, +) + 5 == width)
            #expect(widths.allSatisfy { $0 >= 1 })
            if width >= 62 { #expect(zip(widths, columns).allSatisfy { $0 >= $1.minimumWidth }) }
            if width >= 76 { #expect(widths[1] == 10, "identifiers shrink last, at \(width)") }
        }
    }

    @Test func terminalOfUnknownWidthCutsNothing() throws {
        #expect(try Sample.lines([long], terminalWidth: 0) == Sample.lines([long]))
    }

    @Test func wideCharactersTakeTwoCells() throws {
        let lines = try Sample.lines([Sample(comm: "日本語🦊"), Sample(comm: "cafe\u{301}")], fields: "comm,name")
        #expect(lines[0] == "日本語🦊         www.github.com")
        #expect(lines[1] == "cafe\u{301}             www.github.com")
    }

    @Test func aWideCharacterIsNotCutInHalf() throws {
        let schema = Schema<Sample>(
            [Field("comm", column: Column("comm", heading: "COMM", width: 6)) { .string($0.comm) }],
            defaultColumns: ["comm"])
        let selection = FieldSelection(schema)
        func line(_ comm: String, _ width: Int) -> String {
            Sample.lines(
                [Sample(comm: comm)],
                selection: FieldSelection(schema.arranged(defaultColumns: ["comm"], widths: ["comm": width])),
                terminalWidth: width)[0]
        }
        #expect(selection.columns.count == 1)
        #expect(line("日本語", 6) == "日本語")
        #expect(line("日本語", 5) == "日本…")
        #expect(line("日本語", 4) == "日…")
        #expect(line("\u{1b}\u{1b}", 6) == "\\x1b…")
        #expect(line("ab", 1) == "…")
    }

    @Test func truncationKeepsWhatTheColumnAsksFor() {
        func cut(_ text: String, _ truncation: Column.Truncation) -> String {
            var buffer: [UInt8] = []
            #expect(Cell.append(text, limit: 6, truncation: truncation, to: &buffer) == 6)
            return String(decoding: buffer, as: UTF8.self)
        }
        #expect(cut("abcdefgh", .end) == "abcde…")
        #expect(cut("abcdefgh", .start) == "…defgh")
        #expect(cut("abcdefgh", .middle) == "abc…gh")
        #expect(cut("äbcdefgh", .start) == "…defgh")
        #expect(cut("äbcdefgh", .middle) == "äbc…gh")
    }

    @Test func rightAlignedColumnsPadBefore() {
        let schema = Schema<Sample>(
            [
                Field("n", column: Column("n", heading: "N", width: 5, alignment: .right)) { .integer($0.pid) },
                Field("comm", column: Column("comm", heading: "COMM", width: 6)) { .string($0.comm) },
                Field("t", column: Column("t", heading: "T", width: 5, alignment: .right)) { .integer($0.tid) },
            ], defaultColumns: ["n", "comm", "t"])
        let rows = [Sample(pid: 42, tid: -7), Sample(pid: 0, tid: 123_456)]
        #expect(
            Sample.lines(rows, selection: FieldSelection(schema), terminalWidth: nil)
                == ["   42 wget      -7", "    0 wget   123456"])
    }

    @Test func kubernetesLayoutIsAnArrangementOfTheSameFields() throws {
        let schema = Sample.schema.arranged(
            defaultColumns: ["k8s.podName", "proc.pid", "proc.tid", "proc.comm", "name"],
            widths: ["proc.tid": 9, "proc.comm": 9])
        var buffer: [UInt8] = []
        var writer = try RowWriter(.columns, selection: FieldSelection(schema), terminal: nil)
        writer.appendHeading(to: &buffer)
        #expect(
            String(decoding: buffer, as: UTF8.self)
                == "K8S.PODNAME        PID        TID       COMM      NAME\n")
    }
}
