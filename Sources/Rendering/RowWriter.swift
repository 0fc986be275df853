/// What `-o` chooses.
public enum OutputFormat: String, Sendable, CaseIterable {
    case columns, json, jsonpretty, yaml
}

/// Writes rows in the chosen format.
public struct RowWriter<Row>: Sendable {
    private let selection: FieldSelection<Row>
    private let terminal: Terminal?
    /// Of rows that come one after the other.
    private var columns: AdaptiveColumns<Row>
    /// nil where the format is columns.
    private let objects: ObjectWriter<Row>?

    /// - Parameter terminal: what the output goes to; nil if it is no terminal. Matters to columns only.
    /// - Throws: if the format is columns and the selection has none left.
    public init(_ format: OutputFormat, selection: FieldSelection<Row>, terminal: Terminal?) throws(UsageError) {
        let style: ObjectStyle? =
            switch format {
            case .columns: nil
            case .json: .json
            case .jsonpretty: .jsonPretty
            case .yaml: .yaml
            }
        objects = style.map { ObjectWriter(fields: selection.objectFields, style: $0, sharing: selection.sharing) }
        if objects == nil, selection.columns.isEmpty {
            throw UsageError("The list of fields leaves no column to show: name at least one in --fields.")
        }
        self.selection = selection
        self.terminal = terminal
        columns = AdaptiveColumns(fields: selection.columns, terminal: terminal, sharing: selection.sharing)
    }

    /// To be called with the terminal's width now, before rows are written; it costs nothing where that is the same.
    public mutating func fit(terminalWidth: Int?, _ cache: inout RowCache) {
        if columns.fit(terminalWidth: terminalWidth) { cache.removeAll() }
    }

    /// Appends the heading, if the format has one. From here on another comes before a row whenever columns have changed.
    /// - Parameter rows: Those that will follow, as far as they are known.
    public mutating func appendHeading(above rows: [Row] = [], to buffer: inout [UInt8]) {
        if objects == nil { columns.appendHeading(above: rows, to: &buffer) }
    }

    /// Appends the row with its final newline.
    public mutating func append(_ row: Row, to buffer: inout [UInt8]) {
        if let objects { objects.append(row, to: &buffer) } else { columns.append(row, to: &buffer) }
    }

    /// As `append(_:to:)`, faster where rows share objects.
    /// - Parameter cache: Of this writer alone.
    public mutating func append(_ row: Row, to buffer: inout [UInt8], _ cache: inout RowCache) {
        if let objects { objects.append(row, to: &buffer, &cache) } else { columns.append(row, to: &buffer, &cache) }
    }

    /// Appends rows that are all there are; columns are as wide as what is in them.
    public func append(all rows: [Row], hasHeading: Bool, to buffer: inout [UInt8]) {
        if let objects {
            for row in rows { objects.append(row, to: &buffer) }
            return
        }
        let fields = selection.columns
        let layout = ColumnLayout(
            fields.map(\.effectiveColumn), contents: ColumnWriter.contents(of: fields, in: rows), on: terminal)
        let writer = ColumnWriter(fields: fields, layout: layout)
        if hasHeading { writer.appendHeading(to: &buffer) }
        for row in rows { writer.append(row, to: &buffer) }
    }
}
