/// The fields of a kind of row, in the order of their JSON keys, and the columns shown by default.
public struct Schema<Row>: Sendable {
    public let fields: [Field<Row>]
    /// Paths of the columns shown unless `--fields` says otherwise, from the left.
    public let defaultColumns: [String]
    /// The object that a row shares with others; nil where rows share nothing.
    public let sharing: (@Sendable (Row) -> AnyObject)?
    /// Positions in `fields` by lower-case path, short name or heading.
    private let positions: [String: Int]

    /// Paths must be unique, none may be the object that holds another, and `defaultColumns` must be paths of `fields`;
    /// anything else is a mistake in the program.
    public init(
        _ fields: [Field<Row>], defaultColumns: [String], sharing: (@Sendable (Row) -> AnyObject)? = nil
    ) {
        var positions: [String: Int] = [:]
        var groups: Set<String> = []
        for (index, field) in fields.enumerated() {
            precondition(!field.keys.isEmpty, "a field has an empty path")
            precondition(positions.updateValue(index, forKey: field.path.lowercased()) == nil, "\(field.path) is twice")
            for length in 1..<max(1, field.keys.count) {
                groups.insert(field.keys.prefix(length).joined(separator: ".").lowercased())
            }
        }
        precondition(groups.isDisjoint(with: positions.keys), "a field is also the object that holds other fields")
        // A path wins over another field's short name, and that over a heading.
        for name in [\Column.name, \Column.heading] {
            for (index, field) in fields.enumerated() {
                guard let column = field.column else { continue }
                let key = column[keyPath: name].lowercased()
                if positions[key] == nil, !groups.contains(key) { positions[key] = index }
            }
        }
        precondition(defaultColumns.allSatisfy { positions[$0.lowercased()] != nil }, "a default column has no field")
        self.fields = fields
        self.defaultColumns = defaultColumns
        self.positions = positions
        self.sharing = sharing
    }

    /// The same fields with other default columns, and other widths (in cells, by path) for some of them.
    public func arranged(defaultColumns: [String], widths: [String: Int] = [:]) -> Schema {
        let fields = fields.map { field in
            guard let width = widths[field.path], var column = field.column else { return field }
            column.width = width
            column.minimumWidth = min(column.minimumWidth, width)
            var field = field
            field.column = column
            return field
        }
        return Schema(fields, defaultColumns: defaultColumns, sharing: sharing)
    }

    /// The field of that path, short column name or heading, in upper or lower case.
    /// - Throws: an error that lists the known names.
    public func field(named name: String) throws(UsageError) -> Field<Row> {
        let key = name.lowercased()
        // A column may have the name of an object: a list of fields means the object, a comparison the column.
        guard let index = positions[key] ?? fields.firstIndex(where: { $0.column?.name.lowercased() == key }) else {
            throw unknownField(name)
        }
        return fields[index]
    }

    /// Positions in `fields` of the field of that name, or of all fields below it (`proc` is `proc.pid`, `proc.comm`…).
    func positions(named name: String) throws(UsageError) -> [Int] {
        let key = name.lowercased()
        if let index = positions[key] { return [index] }
        let below = fields.indices.filter { fields[$0].path.lowercased().hasPrefix(key + ".") }
        if below.isEmpty { throw unknownField(name) }
        return below
    }

    private func unknownField(_ name: String) -> UsageError {
        let known = fields.map { field in
            guard let short = field.column?.name, short != field.path else { return field.path }
            return "\(field.path) (\(short))"
        }
        return UsageError(
            "There is no field \(name.quotedInError): use one of \(known.joined(separator: ", ")).")
    }
}
