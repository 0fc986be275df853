import Testing

@testable import Rendering

@Suite("tables, all of whose rows are known") struct TableTests {
    private struct File: Sendable {
        var path: String
        var users = ""
        var traced = "yes"
    }

    private static let schema = Schema<File>(
        [
            Field(
                "path",
                column: Column("path", heading: "PATH", width: 44, minimumWidth: 16, flexible: true, truncation: .start)
            ) { .string($0.path) },
            Field("users", column: Column("users", heading: "USERS", width: 24, minimumWidth: 9, flexible: true)) {
                .string($0.users)
            },
            Field("traced", column: Column("traced", heading: "TRACED", width: 6)) { .string($0.traced) },
        ], defaultColumns: ["path", "users", "traced"])

    private func lines(
        _ files: [File], width: Int? = nil, truncates: Bool = false, hasHeading: Bool = true
    ) throws -> [String] {
        let writer = try RowWriter(
            .columns, selection: FieldSelection(Self.schema),
            terminal: width.map { Terminal(width: $0, truncates: truncates) })
        var buffer: [UInt8] = []
        writer.append(all: files, hasHeading: hasHeading, to: &buffer)
        return Sample.split(buffer)
    }

    private let long = String(repeating: "/folder", count: 10)

    @Test("columns are as wide as their content or heading", arguments: [nil, 80, 200])
    func content(width: Int?) throws {
        #expect(
            try lines([File(path: "/lib/日本.so", users: "1: curl"), File(path: "/a")], width: width) == [
                "PATH         USERS   TRACED",
                "/lib/日本.so 1: curl yes",
                "/a                   yes",
            ])
        #expect(try lines([], width: width) == ["PATH USERS TRACED"])
        #expect(try lines([File(path: "/a")], width: width, hasHeading: false) == ["/a         yes"])
    }

    @Test("on a narrow terminal the widest column gives way; the others and the last stay whole")
    func narrow() throws {
        let files = [File(path: long, users: "2: curl,wget"), File(path: "/a", traced: "no: its reason")]
        let table = try lines(files, width: 60)
        #expect(table[1].count < 60 && table[1].hasPrefix("…"))
        #expect(table[1].hasSuffix(" 2: curl,wget yes"))
        #expect(table[2].hasSuffix(" no: its reason"))
        #expect(table[2].count == 60)
    }

    @Test("a last value that wraps anyway takes no room from the others; --truncate cuts it")
    func wrapping() throws {
        let reason = "no: " + String(repeating: "word ", count: 30) + "end"
        let files = [File(path: long, users: "1: curl"), File(path: "/a", traced: reason)]
        let table = try lines(files, width: 100)
        #expect(table[1] == "\(long) 1: curl yes")
        #expect(table[2].hasSuffix(reason))
        for width in [20, 40, 100] {
            for line in try lines(files, width: width, truncates: true) { #expect(line.count <= width, "\(line)") }
        }
        #expect(try lines(files, width: 40)[2].hasSuffix(reason), "below the minimums, too")
    }

    @Test("without a terminal nothing is cut, and one very long value aligns no other line")
    func veryLong() throws {
        let users = String(repeating: "curl(1),", count: 100)
        let table = try lines([File(path: "/a", users: users), File(path: "/b", users: "1: curl")])
        #expect(table[1] == "/a   \(users) yes")
        #expect(table[2].count == 5 + ColumnLayout.mostAligned + 1 + 3)
    }

    @Test("objects are written as ever")
    func objects() throws {
        let writer = try RowWriter(.json, selection: FieldSelection(Self.schema), terminal: Terminal(width: 20))
        var buffer: [UInt8] = []
        writer.append(all: [File(path: long)], hasHeading: true, to: &buffer)
        #expect(Sample.split(buffer) == [#"{"path":"\#(long)","users":"","traced":"yes"}"#])
    }
}
