/// A value of a field, of a JSON document or of a YAML document.
public enum Value: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case array([Value])
    /// Members in the order in which they are written.
    case object([Member])

    /// One name and value of an object.
    public struct Member: Sendable, Equatable {
        public let name: String
        public let value: Value

        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// An object of the members that have a value, in the order given; those that are nil are left out.
    public static func object(_ members: KeyValuePairs<String, Value?>) -> Value {
        .object(
            members.compactMap { name, value in
                value.map { Member(name, $0) }
            })
    }

    /// An integer of any width. Kernel identifiers (inodes, cgroup numbers) above `Int64.max` are clamped to it.
    public static func number(_ number: some BinaryInteger) -> Value {
        .integer(Int64(clamping: number))
    }

    /// The value as columns and filters see it, not escaped: elements of an array are joined by commas, an object is
    /// its JSON text.
    public var text: String {
        switch self {
        case .string(let string): string
        case .integer(let number): String(number)
        case .boolean(let flag): flag ? "true" : "false"
        case .array(let elements): elements.map(\.text).joined(separator: ",")
        case .object: text(style: .json)
        }
    }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) {
        self = .string(value)
    }
}

extension Value: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) {
        self = .integer(value)
    }
}

extension Value: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Bool) {
        self = .boolean(value)
    }
}

extension Value: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: Value...) {
        self = .array(elements)
    }
}
