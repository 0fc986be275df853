/// Writes rows as JSON or YAML objects, nested by the fields' dotted paths.
///
/// Keys come in the order of the fields; the object of a prefix stands where the first field below it does. Fields
/// that are nil and objects without members are left out.
public struct ObjectWriter<Row>: Sendable {
    /// A key with its field's value, or with the keys of the object below it.
    private struct Node: Sendable {
        let name: String
        /// The name as JSON writes it, with the colon.
        let key: [UInt8]
        let value: (@Sendable (Row) -> Value?)?
        var children: [Node] = []

        init(_ name: String, value: (@Sendable (Row) -> Value?)?) {
            self.name = name
            self.value = value
            var key: [UInt8] = []
            JSONText.append(name, to: &key)
            self.key = key + [UInt8(ascii: ":")]
        }
    }

    private let nodes: [Node]
    private let style: ObjectStyle

    public init(fields: [Field<Row>], style: ObjectStyle) {
        var nodes: [Node] = []
        for field in fields { Self.insert(field, depth: 0, into: &nodes) }
        self.nodes = nodes
        self.style = style
    }

    /// Appends the row as one document with its final newline.
    public func append(_ row: Row, to buffer: inout [UInt8]) {
        guard style == .json else { return value(of: row).append(to: &buffer, style: style) }
        // Straight to bytes: this is done for each event.
        buffer.append(UInt8(ascii: "{"))
        _ = Self.appendMembers(nodes, row, to: &buffer)
        buffer.append(UInt8(ascii: "}"))
        buffer.append(UInt8(ascii: "\n"))
    }

    /// The row as an object.
    public func value(of row: Row) -> Value {
        .object(Self.members(nodes, row))
    }

    private static func insert(_ field: Field<Row>, depth: Int, into nodes: inout [Node]) {
        let name = field.keys[depth]
        guard depth < field.keys.count - 1 else { return nodes.append(Node(name, value: field.value)) }
        var index = nodes.firstIndex { $0.name == name } ?? nodes.endIndex
        if index == nodes.endIndex {
            nodes.append(Node(name, value: nil))
            index = nodes.count - 1
        }
        insert(field, depth: depth + 1, into: &nodes[index].children)
    }

    /// - Returns: whether there was a member to write.
    private static func appendMembers(_ nodes: [Node], _ row: Row, to buffer: inout [UInt8]) -> Bool {
        var isFirst = true
        for node in nodes {
            let start = buffer.count
            if let value = node.value {
                guard let value = value(row), !value.isEmptyObject else { continue }
                if !isFirst { buffer.append(UInt8(ascii: ",")) }
                buffer.append(contentsOf: node.key)
                JSONText.append(value, to: &buffer)
            } else {
                if !isFirst { buffer.append(UInt8(ascii: ",")) }
                buffer.append(contentsOf: node.key)
                buffer.append(UInt8(ascii: "{"))
                guard appendMembers(node.children, row, to: &buffer) else {
                    buffer.removeLast(buffer.count - start)
                    continue
                }
                buffer.append(UInt8(ascii: "}"))
            }
            isFirst = false
        }
        return !isFirst
    }

    private static func members(_ nodes: [Node], _ row: Row) -> [Value.Member] {
        nodes.compactMap { node in
            let value = node.value.map { $0(row) } ?? .object(members(node.children, row))
            guard let value, !value.isEmptyObject else { return nil }
            return Value.Member(node.name, value)
        }
    }
}

extension Value {
    fileprivate var isEmptyObject: Bool {
        if case .object(let members) = self { members.isEmpty } else { false }
    }
}
