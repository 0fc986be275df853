/// One property of a row: where it stands in JSON, how it looks as a column, and how to get it.
public struct Field<Row>: Sendable {
    /// Dotted JSON path, such as `proc.comm`; also the name for `--fields` and `-F`.
    public let path: String
    /// The path's parts, from the outermost key.
    public let keys: [String]
    /// What values the field has, if it is always the same kind; lets a filter refuse `proc.pid>x`.
    public let kind: ValueKind
    /// How the field looks as a column; nil if it is meant for JSON. It can be chosen with `--fields` all the same.
    public var column: Column?
    /// The field's value in a row; nil if it does not apply there: left out of JSON and empty in columns.
    public let value: @Sendable (Row) -> Value?
    /// Appends the value, of which every byte stands for itself in each format; false where the field does not apply.
    private(set) var plainText: (@Sendable (Row, inout [UInt8]) -> Bool)?
    /// Whether rows that share an object (`Schema.sharing`) have the same value.
    public private(set) var isShared = false

    /// The same field, of the object that rows share.
    public var shared: Field {
        var field = self
        field.isShared = true
        return field
    }

    public init(
        _ path: String, kind: ValueKind = .string, column: Column? = nil, value: @escaping @Sendable (Row) -> Value?
    ) {
        self.path = path
        self.keys = path.split(separator: ".").map(String.init)
        self.kind = kind
        self.column = column
        self.value = value
    }

    /// A field that each row has for itself, written without a text of its own.
    /// - Parameter plainText: Appends the value: printable ASCII without quotes and backslashes; false where the field
    ///   does not apply.
    public init(
        _ path: String, column: Column? = nil, plainText: @escaping @Sendable (Row, inout [UInt8]) -> Bool
    ) {
        self.init(path, column: column) { row in
            var text: [UInt8] = []
            return plainText(row, &text) ? .string(String(decoding: text, as: UTF8.self)) : nil
        }
        self.plainText = plainText
    }

    /// The column to use when the field is chosen: its own, or one derived from its path.
    var effectiveColumn: Column {
        column ?? Column(path, heading: path.uppercased(), width: max(16, path.count), minimumWidth: 8, flexible: true)
    }
}

/// The kind of a field's values.
public enum ValueKind: Sendable, Equatable {
    case string, integer, boolean
    /// An array or object.
    case composite
}

/// How a field looks as a column. Widths are in terminal cells.
public struct Column: Sendable, Equatable {
    public enum Alignment: Sendable, Equatable { case left, right }

    /// When the column is of use in a stream of rows on a terminal.
    public enum Presence: Sendable, Equatable {
        case always
        /// Once a row has a value in it.
        case onceFilled
        /// Once a row has another text in it than in the column of that path.
        case onceUnlike(String)
    }

    /// Which part of a value that is too long gives way to `…`.
    public enum Truncation: Sendable, Equatable { case end, start, middle }

    /// Short name accepted by `--fields` and `-F`, such as `comm`.
    public let name: String
    /// The text above the column, such as `RUNTIME.CONTAINERNAME`.
    public let heading: String
    /// Width where there is no terminal, and before adapting to one.
    public var width: Int
    /// The narrowest width at which the column is still of use.
    public var minimumWidth: Int
    /// Whether the column is the first to shrink on a narrow terminal and grows on a wide one.
    public var flexible: Bool
    public var alignment: Alignment
    public var truncation: Truncation
    /// Whether a value that is too long makes its line longer: it is cut only if the user wants all lines to fit.
    public var isKeptWhole: Bool
    public var presence: Presence
    /// Whether the user asked for the column by name: it is narrow, not left out, before it is of use.
    public var isNamed = false

    /// - Parameter minimumWidth: `width` if not given.
    public init(
        _ name: String, heading: String, width: Int, minimumWidth: Int? = nil, flexible: Bool = false,
        alignment: Alignment = .left, truncation: Truncation = .end, isKeptWhole: Bool = false,
        presence: Presence = .always
    ) {
        self.name = name
        self.heading = heading
        self.width = max(1, width)
        self.minimumWidth = min(max(1, minimumWidth ?? width), self.width)
        self.flexible = flexible
        self.alignment = alignment
        self.truncation = truncation
        self.isKeptWhole = isKeptWhole
        self.presence = presence
    }

    /// The column where its values may be cut.
    var cut: Column {
        var column = self
        column.isKeptWhole = false
        return column
    }

    /// The column before it is of use: as wide as its heading, or as the values that it repeats.
    var narrowed: Column {
        var column = self
        column.width = min(width, presence == .onceFilled ? heading.count : max(heading.count, minimumWidth))
        column.minimumWidth = min(minimumWidth, column.width)
        column.flexible = false
        return column
    }
}
