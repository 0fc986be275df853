/// The fields to write: columns in their order from the left, and the fields of objects in the schema's order.
public struct FieldSelection<Row>: Sendable {
    /// Fields shown as columns, from the left.
    public let columns: [Field<Row>]
    /// Fields written in JSON and YAML.
    public let objectFields: [Field<Row>]
    /// As the schema has it.
    public let sharing: (@Sendable (Row) -> AnyObject)?

    /// What is written without `--fields`: the default columns, and all fields in objects.
    public init(_ schema: Schema<Row>) {
        self.init(schema, columns: Self.defaultPositions(schema), objects: Set(schema.fields.indices))
    }

    /// Reads the argument of `--fields`.
    ///
    /// `a,b` is the exact list and order of the columns, and restricts objects to those fields. `+c,-d` adds to and
    /// removes from the default columns; objects lose only what is removed. The name of an object stands for all its
    /// fields.
    /// - Throws: an error that says what is wrong with the list and, for an unknown field, lists the known ones.
    public init(parsing text: String, schema: Schema<Row>) throws(UsageError) {
        try UsageError.checkLength(text, of: "The list of fields")
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmingBlanks)
        let relative = items.count { $0.hasPrefix("+") || $0.hasPrefix("-") }
        guard !items.contains(where: \.isEmpty) else {
            throw UsageError(
                "The list of fields \(text.quotedInError) has an empty name: write names separated by commas.")
        }
        guard relative == 0 || relative == items.count else {
            throw UsageError(
                "The list of fields \(text.quotedInError) mixes names with and without a sign: write either "
                    + "'a,b' for exactly these fields or '+a,-b' to add to and remove from the default ones.")
        }

        var columns = relative == 0 ? [] : Self.defaultPositions(schema)
        var objects = relative == 0 ? [] : Set(schema.fields.indices)
        var named: Set<Int> = []
        for item in items {
            let positions = try schema.positions(named: relative == 0 ? item : String(item.dropFirst()))
            if item.hasPrefix("-") {
                columns.removeAll(where: positions.contains)
                objects.subtract(positions)
            } else {
                columns += positions.filter { !columns.contains($0) }
                named.formUnion(positions)
                objects.formUnion(positions)
            }
        }
        guard !objects.isEmpty else {
            throw UsageError("The list \(text.quotedInError) removes every field: leave at least one.")
        }
        self.init(schema, columns: columns, objects: objects, named: named)
    }

    private init(_ schema: Schema<Row>, columns: [Int], objects: Set<Int>, named: Set<Int> = []) {
        self.columns = columns.map { index in
            var field = schema.fields[index]
            if named.contains(index) { field.column?.isNamed = true }
            return field
        }
        sharing = schema.sharing
        self.objectFields = objects.sorted().map { schema.fields[$0] }
    }

    private static func defaultPositions(_ schema: Schema<Row>) -> [Int] {
        schema.defaultColumns.compactMap { path in schema.fields.firstIndex { $0.path == path } }
    }
}
