/// Columns of a stream of rows. On a terminal they follow its width, and those that no row has needed yet are left out, or
/// narrow where the user named them. A column that was needed once stays.
struct AdaptiveColumns<Row>: Sendable {
    /// A column that no row has needed yet.
    private struct Pending: Sendable {
        let index: Int
        let isShared: Bool
        let isNeeded: @Sendable (Row) -> Bool
    }

    private struct Shape: Equatable {
        let columns: [Column]
        let layout: ColumnLayout
    }

    private let fields: [Field<Row>]
    private let sharing: (@Sendable (Row) -> AnyObject)?
    private var terminal: Terminal?
    private var pending: [Pending]
    private var shape: Shape
    private var writer: ColumnWriter<Row>
    /// What the last heading shows; nil where none is wanted.
    private var headed: Shape?
    private var isHeadingDue = false

    init(fields: [Field<Row>], terminal: Terminal?, sharing: (@Sendable (Row) -> AnyObject)?) {
        self.fields = fields
        self.sharing = sharing
        self.terminal = terminal
        pending = terminal == nil ? [] : fields.indices.compactMap { Self.pending($0, of: fields) }
        (shape, writer) = Self.laidOut(fields, pending, terminal)
    }

    private static func pending(_ index: Int, of fields: [Field<Row>]) -> Pending? {
        let field = fields[index]
        let value = field.value
        switch field.effectiveColumn.presence {
        case .always:
            return nil
        case .onceFilled:
            return Pending(index: index, isShared: field.isShared) { row in
                value(row).map { !$0.text.isEmpty } ?? false
            }
        case .onceUnlike(let path):
            guard let other = fields.first(where: { $0.path == path }) else { return nil }
            return Pending(index: index, isShared: field.isShared && other.isShared) { row in
                guard let text = value(row)?.text, !text.isEmpty else { return false }
                return text != other.value(row)?.text
            }
        }
    }

    private static func laidOut(
        _ fields: [Field<Row>], _ pending: [Pending], _ terminal: Terminal?
    ) -> (Shape, ColumnWriter<Row>) {
        let unneeded = Set(pending.map(\.index))
        var shown = fields.indices.compactMap { index -> Field<Row>? in
            var field = fields[index]
            let column = field.effectiveColumn
            field.column = column
            guard unneeded.contains(index) else { return field }
            field.column = column.narrowed
            return column.isNamed ? field : nil
        }
        // A line has one column at least.
        if shown.isEmpty { shown = fields }
        let columns = shown.map(\.effectiveColumn)
        let layout = terminal.map { ColumnLayout(columns, on: $0) } ?? ColumnLayout(columns)
        return (
            Shape(columns: columns, layout: layout), ColumnWriter(fields: shown, layout: layout)
        )
    }

    /// Lays the columns out for a terminal that may have another width now.
    /// - Returns: Whether anything changed: then nothing that was written before can be used again.
    mutating func fit(terminalWidth: Int?) -> Bool {
        guard var changed = terminal, changed.width != terminalWidth else { return false }
        changed.width = terminalWidth
        terminal = changed
        return layOut()
    }

    private mutating func layOut() -> Bool {
        let (shape, writer) = Self.laidOut(fields, pending, terminal)
        guard shape != self.shape else { return false }
        (self.shape, self.writer) = (shape, writer)
        isHeadingDue = headed != nil && headed != shape
        return true
    }

    /// - Returns: Whether the row needs a column that was left out by now.
    private mutating func look(at row: Row) -> Bool {
        let before = pending.count
        pending.removeAll { $0.isNeeded(row) }
        return pending.count < before && layOut()
    }

    /// Headings are written from here on: this one, and another whenever the columns have changed before a row.
    mutating func appendHeading(above rows: [Row] = [], to buffer: inout [UInt8]) {
        for row in rows where !pending.isEmpty { _ = look(at: row) }
        headed = shape
        isHeadingDue = false
        writer.appendHeading(to: &buffer)
    }

    mutating func append(_ row: Row, to buffer: inout [UInt8]) {
        if !pending.isEmpty { _ = look(at: row) }
        if isHeadingDue { appendHeading(to: &buffer) }
        writer.append(row, to: &buffer)
    }

    mutating func append(_ row: Row, to buffer: inout [UInt8], _ cache: inout RowCache) {
        guard let object = sharing?(row) else { return append(row, to: &buffer) }
        // A row like one that was looked at before needs what that one did.
        if !pending.isEmpty, !cache.contains(object) || pending.contains(where: { !$0.isShared }), look(at: row) {
            cache.removeAll()
        }
        if isHeadingDue { appendHeading(to: &buffer) }
        writer.append(row, sharing: object, to: &buffer, &cache)
    }
}
