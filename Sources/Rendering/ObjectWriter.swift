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
        let plainText: (@Sendable (Row, inout [UInt8]) -> Bool)?
        var children: [Node] = []

        /// - Parameter field: nil where it holds others.
        init(_ name: String, _ field: Field<Row>?) {
            self.name = name
            value = field?.value
            plainText = field?.plainText
            var key: [UInt8] = []
            JSONText.append(name, to: &key)
            self.key = key + [UInt8(ascii: ":")]
        }
    }

    private let nodes: [Node]
    private let parts: RowParts<Node>
    private let sharing: (@Sendable (Row) -> AnyObject)?
    private let style: ObjectStyle

    /// - Parameter sharing: What `Field.isShared` is about; nil: every row is written anew.
    public init(fields: [Field<Row>], style: ObjectStyle, sharing: (@Sendable (Row) -> AnyObject)? = nil) {
        var nodes: [Node] = []
        for field in fields { Self.insert(field, depth: 0, into: &nodes) }
        let own = Set(fields.filter { !$0.isShared }.compactMap(\.keys.first))
        var parts = RowParts<Node>()
        for node in nodes { parts.append(node, isShared: !own.contains(node.name)) }
        self.nodes = nodes
        self.parts = parts
        self.sharing = sharing
        self.style = style
    }

    /// Appends the row as one document with its final newline.
    /// - Parameter cache: What it has written of earlier rows; of this writer alone.
    public func append(_ row: Row, to buffer: inout [UInt8], _ cache: inout RowCache) {
        guard style == .json, let object = sharing?(row) else { return append(row, to: &buffer) }
        let known = cache.entry(of: object, parts) { nodes, bytes in
            _ = Self.appendMembers(nodes, row, to: &bytes)
            return 0
        }
        buffer.append(UInt8(ascii: "{"))
        var isFirst = true
        var start = 0
        for index in known.segments.indices {
            let end = known.segments[index].end
            if end > start {
                if !isFirst { buffer.append(UInt8(ascii: ",")) }
                buffer.append(contentsOf: known.bytes[start..<end])
                isFirst = false
            }
            start = end
            if index < parts.own.count { Self.appendMember(parts.own[index], row, &isFirst, to: &buffer) }
        }
        buffer.append(UInt8(ascii: "}"))
        buffer.append(UInt8(ascii: "\n"))
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
        guard depth < field.keys.count - 1 else { return nodes.append(Node(name, field)) }
        var index = nodes.firstIndex { $0.name == name } ?? nodes.endIndex
        if index == nodes.endIndex {
            nodes.append(Node(name, nil))
            index = nodes.count - 1
        }
        insert(field, depth: depth + 1, into: &nodes[index].children)
    }

    /// - Returns: whether there was a member to write.
    private static func appendMembers(_ nodes: [Node], _ row: Row, to buffer: inout [UInt8]) -> Bool {
        var isFirst = true
        for node in nodes { appendMember(node, row, &isFirst, to: &buffer) }
        return !isFirst
    }

    private static func appendMember(_ node: Node, _ row: Row, _ isFirst: inout Bool, to buffer: inout [UInt8]) {
        let start = buffer.count
        if let plainText = node.plainText {
            if !isFirst { buffer.append(UInt8(ascii: ",")) }
            buffer.append(contentsOf: node.key)
            buffer.append(UInt8(ascii: "\""))
            guard plainText(row, &buffer) else {
                buffer.removeLast(buffer.count - start)
                return
            }
            buffer.append(UInt8(ascii: "\""))
        } else if let value = node.value {
            guard let value = value(row), !value.isEmptyObject else { return }
            if !isFirst { buffer.append(UInt8(ascii: ",")) }
            buffer.append(contentsOf: node.key)
            JSONText.append(value, to: &buffer)
        } else {
            if !isFirst { buffer.append(UInt8(ascii: ",")) }
            buffer.append(contentsOf: node.key)
            buffer.append(UInt8(ascii: "{"))
            guard appendMembers(node.children, row, to: &buffer) else {
                buffer.removeLast(buffer.count - start)
                return
            }
            buffer.append(UInt8(ascii: "}"))
        }
        isFirst = false
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
