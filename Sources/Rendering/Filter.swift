/// The conditions of `-F`, all of which a row must meet.
public struct Filter<Row>: Sendable {
    private struct Bound: Sendable {
        let value: @Sendable (Row) -> Value?
        let condition: Condition
    }

    private let conditions: [Bound]

    /// Reads the arguments of `-F`, each `field==value` or several of these separated by commas.
    ///
    /// Operators are `==`, `!=`, `~` and `!~` (a regular expression that matches somewhere), `>`, `>=`, `<` and `<=`.
    /// A comma inside a value is written `\,`. Spaces around field and value are dropped. Integers are compared as
    /// numbers, anything else as text. A field that does not apply compares as empty text, and is neither greater nor
    /// less than anything.
    ///
    /// The engine of the regular expressions backtracks: one with a repetition inside a repetition of the same
    /// characters, such as `(a+)+$`, takes exponential time on some names.
    /// - Throws: an error that names the condition and, for an unknown field, lists the known ones.
    public init(_ expressions: [String], schema: Schema<Row>) throws(UsageError) {
        var conditions: [Bound] = []
        for expression in expressions {
            for text in expression.splitAtPlainCommas {
                let parsed = try ConditionText(text)
                let field = try schema.field(named: parsed.field)
                let condition = try Condition(parsed, kind: field.kind)
                conditions.append(Bound(value: field.value, condition: condition))
            }
        }
        self.conditions = conditions
    }

    /// Whether there are no conditions, so that every row matches.
    public var isEmpty: Bool { conditions.isEmpty }

    public func matches(_ row: Row) -> Bool {
        conditions.allSatisfy { $0.condition.isMet(by: $0.value(row)) }
    }
}
