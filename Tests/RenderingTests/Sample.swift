@testable import Rendering

/// A row like a traced event's, small enough to read in a test.
struct Sample: Sendable {
    var container: String?
    var pid: Int64 = 3_917_791
    var tid: Int64 = 3_917_791
    var comm = "wget"
    var name: String? = "www.github.com"
    var library: String? = "/usr/lib/x86_64-linux-gnu/libgnutls.so.30"
    var truncated: Bool?
    var podName: String?

    /// `proc` is in two places, as it may be in a schema that grew.
    static let schema = Schema<Sample>(
        [
            Field("k8s.podName", column: Column("pod", heading: "K8S.PODNAME", width: 18, minimumWidth: 10)) {
                $0.podName.map(Value.string)
            },
            Field(
                "runtime.containerName",
                column: Column(
                    "container", heading: "RUNTIME.CONTAINERNAME", width: 38, minimumWidth: 21, flexible: true,
                    presence: .onceFilled)
            ) { $0.container.map(Value.string) },
            Field("proc.pid", kind: .integer, column: Column("pid", heading: "PID", width: 10, minimumWidth: 7)) {
                .integer($0.pid)
            },
            Field(
                "proc.tid", kind: .integer,
                column: Column("tid", heading: "TID", width: 10, minimumWidth: 7, presence: .onceUnlike("proc.pid"))
            ) { .integer($0.tid) },
            Field(
                "name",
                column: Column(
                    "name", heading: "NAME", width: 32, minimumWidth: 20, flexible: true, isKeptWhole: true)
            ) { $0.name.map(Value.string) },
            Field("nameTruncated", kind: .boolean) { $0.truncated.map(Value.boolean) },
            Field("proc.comm", column: Column("comm", heading: "COMM", width: 16, minimumWidth: 8)) {
                .string($0.comm)
            },
            Field("proc.creds.uid", kind: .integer) { _ in 0 },
            Field(
                "library.path",
                column: Column(
                    "library", heading: "LIBRARY", width: 24, minimumWidth: 12, flexible: true, truncation: .start)
            ) { $0.library.map(Value.string) },
        ],
        defaultColumns: ["runtime.containerName", "proc.pid", "proc.tid", "proc.comm", "name"])

    /// The selected columns' lines for the rows, without the heading; on a terminal, cut to its width.
    static func lines(_ rows: [Sample], fields: String? = nil, terminalWidth: Int? = nil) throws -> [String] {
        let selection = try fields.map { try FieldSelection(parsing: $0, schema: schema) } ?? FieldSelection(schema)
        return lines(rows, selection: selection, terminalWidth: terminalWidth)
    }

    static func lines(_ rows: [Sample], selection: FieldSelection<Sample>, terminalWidth: Int?) -> [String] {
        let writer = writer(selection, terminalWidth)
        var buffer: [UInt8] = []
        for row in rows { writer.append(row, to: &buffer) }
        return split(buffer)
    }

    private static func writer(_ selection: FieldSelection<Sample>, _ terminalWidth: Int?) -> ColumnWriter<Sample> {
        let columns = selection.columns.map(\.effectiveColumn)
        let terminal = terminalWidth.map { Terminal(width: $0, truncates: true) }
        let layout = terminal.map { ColumnLayout(columns, on: $0) } ?? ColumnLayout(columns)
        return ColumnWriter(fields: selection.columns, layout: layout)
    }

    static func heading(fields: String? = nil, terminalWidth: Int? = nil) throws -> String {
        let selection = try fields.map { try FieldSelection(parsing: $0, schema: schema) } ?? FieldSelection(schema)
        var buffer: [UInt8] = []
        writer(selection, terminalWidth).appendHeading(to: &buffer)
        return split(buffer)[0]
    }

    static func object(_ row: Sample, _ style: ObjectStyle, fields: String? = nil) throws -> String {
        let selection = try fields.map { try FieldSelection(parsing: $0, schema: schema) } ?? FieldSelection(schema)
        var buffer: [UInt8] = []
        ObjectWriter(fields: selection.objectFields, style: style).append(row, to: &buffer)
        return String(decoding: buffer, as: UTF8.self)
    }

    static func split(_ buffer: [UInt8]) -> [String] {
        String(decoding: buffer, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
