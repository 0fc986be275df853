/// How an object is written.
public enum ObjectStyle: Sendable, Equatable {
    /// One line.
    case json
    /// Several lines, indented by two spaces.
    case jsonPretty
    /// One YAML document, preceded by `---`.
    case yaml
}

extension Value {
    /// Appends the value as one complete document, with its final newline.
    public func append(to buffer: inout [UInt8], style: ObjectStyle) {
        switch style {
        case .json:
            JSONText.append(self, to: &buffer)
            buffer.append(UInt8(ascii: "\n"))
        case .jsonPretty:
            JSONText.appendPretty(self, depth: 0, to: &buffer)
            buffer.append(UInt8(ascii: "\n"))
        case .yaml:
            YAMLText.appendDocument(self, to: &buffer)
        }
    }

    /// The value as text of that style; a JSON text has no final newline.
    public func text(style: ObjectStyle) -> String {
        var buffer: [UInt8] = []
        append(to: &buffer, style: style)
        if style != .yaml { buffer.removeLast() }
        return String(decoding: buffer, as: UTF8.self)
    }
}
