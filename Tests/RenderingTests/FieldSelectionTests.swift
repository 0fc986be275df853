import Rendering
import Testing

@Suite struct FieldSelectionTests {
    private func parse(_ text: String) throws -> FieldSelection<Sample> {
        try FieldSelection(parsing: text, schema: Sample.schema)
    }

    private func failure(_ text: String) -> String? {
        #expect(throws: UsageError.self) { try parse(text) }?.description
    }

    @Test func exactListGivesOrderOfColumnsAndRestrictsObjects() throws {
        let selection = try parse("name,proc.comm,pid")
        #expect(selection.columns.map(\.path) == ["name", "proc.comm", "proc.pid"])
        #expect(selection.objectFields.map(\.path) == ["proc.pid", "name", "proc.comm"])
    }

    @Test func signsAreRelativeToTheDefaults() throws {
        let selection = try parse("+library,-tid, -container,+name")
        #expect(selection.columns.map(\.path) == ["proc.pid", "proc.comm", "name", "library.path"])
        let missing = Set(Sample.schema.fields.map(\.path)).subtracting(selection.objectFields.map(\.path))
        #expect(missing == ["proc.tid", "runtime.containerName"])
    }

    @Test(arguments: ["proc.comm", "PROC.COMM", "comm", "COMM", "Comm"])
    func fieldsGoByPathShortNameAndHeading(name: String) throws {
        #expect(try parse(name).columns.map(\.path) == ["proc.comm"])
    }

    @Test func objectStandsForItsFields() throws {
        #expect(
            try parse("proc").columns.map(\.path) == ["proc.pid", "proc.tid", "proc.comm", "proc.creds.uid"])
        #expect(try parse("-proc").columns.map(\.path) == ["runtime.containerName", "name"])
    }

    @Test func fieldWithoutColumnGetsOne() throws {
        #expect(try Sample.heading(fields: "proc.creds.uid,name") == "PROC.CREDS.UID   NAME")
        #expect(try Sample.lines([Sample()], fields: "proc.creds.uid,name") == ["0                www.github.com"])
    }

    @Test func repeatedFieldIsShownOnce() throws {
        #expect(try parse("name,comm,name").columns.map(\.path) == ["name", "proc.comm"])
    }

    @Test func unknownFieldListsTheKnownOnes() throws {
        let message = try #require(failure("name,porc.pid"))
        #expect(message.contains("'porc.pid'"))
        #expect(message.contains("proc.pid (pid)"))
        #expect(message.contains("proc.creds.uid"))
    }

    @Test func badListsAreRefused() throws {
        #expect(try #require(failure("")).contains("empty name"))
        #expect(try #require(failure("a,,b")).contains("empty name"))
        #expect(try #require(failure("+")).contains("''"))
        #expect(try #require(failure("name,+comm")).contains("mixes"))
        #expect(try #require(failure("-k8s,-runtime,-proc,-name,-nameTruncated,-library")).contains("every field"))
        #expect(try #require(failure(String(repeating: "x", count: 5000))).contains("4096"))
    }

    @Test func escapesInErrors() throws {
        #expect(try #require(failure("\u{1b}[2J")).contains("'\\x1b[2J'"))
    }

    @Test func columnsNeedOneLeft() throws {
        let selection = try parse("-container,-pid,-tid,-comm,-name")
        #expect(throws: UsageError.self) { try RowWriter(.columns, selection: selection, terminal: nil) }
        #expect(throws: Never.self) { try RowWriter(.json, selection: selection, terminal: nil) }
    }
}
