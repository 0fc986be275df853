/// What `-o` chooses.
public enum OutputFormat: String, Sendable, CaseIterable {
    case columns, json, jsonpretty, yaml
}

/// Writes rows in the chosen format.
public enum RowWriter<Row>: Sendable {
    case columns(ColumnWriter<Row>)
    case objects(ObjectWriter<Row>)

    /// - Parameter terminalWidth: cells of a line if the output is a terminal; matters to columns only.
    /// - Throws: if the format is columns and the selection has none left.
    public init(_ format: OutputFormat, selection: FieldSelection<Row>, terminalWidth: Int?) throws(UsageError) {
        switch format {
        case .columns:
            guard !selection.columns.isEmpty else {
                throw UsageError("The list of fields leaves no column to show: name at least one in --fields.")
            }
            self = .columns(
                ColumnWriter(
                    fields: selection.columns, terminalWidth: terminalWidth, sharing: selection.sharing))
        case .json:
            self = .objects(ObjectWriter(fields: selection.objectFields, style: .json, sharing: selection.sharing))
        case .jsonpretty:
            self = .objects(
                ObjectWriter(fields: selection.objectFields, style: .jsonPretty, sharing: selection.sharing))
        case .yaml:
            self = .objects(ObjectWriter(fields: selection.objectFields, style: .yaml, sharing: selection.sharing))
        }
    }

    /// Appends the heading, if the format has one.
    public func appendHeading(to buffer: inout [UInt8]) {
        if case .columns(let writer) = self { writer.appendHeading(to: &buffer) }
    }

    /// Appends the row with its final newline.
    public func append(_ row: Row, to buffer: inout [UInt8]) {
        switch self {
        case .columns(let writer): writer.append(row, to: &buffer)
        case .objects(let writer): writer.append(row, to: &buffer)
        }
    }

    /// As `append(_:to:)`, faster where rows share objects.
    /// - Parameter cache: Of this writer alone.
    public func append(_ row: Row, to buffer: inout [UInt8], _ cache: inout RowCache) {
        switch self {
        case .columns(let writer): writer.append(row, to: &buffer, &cache)
        case .objects(let writer): writer.append(row, to: &buffer, &cache)
        }
    }
}
