/// A decoder's object that allows known keys only: a misspelt key must not pass as one that was left out.
struct StrictObject {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>

    init(_ decoder: any Decoder, keys: [String]) throws {
        container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue })
        where !keys.contains(key.stringValue) {
            throw problem(key.stringValue, "unknown key; there are \(keys.joined(separator: ", "))")
        }
    }

    func required<Value: Decodable>(_ key: String, _ type: Value.Type = Value.self) throws -> Value {
        try container.decode(type, forKey: Key(stringValue: key))
    }

    func optional<Value: Decodable>(_ key: String, _ type: Value.Type = Value.self) throws -> Value? {
        try container.decodeIfPresent(type, forKey: Key(stringValue: key))
    }

    /// A name or text: printable ASCII, not empty; it may end up in messages and in file searches.
    func text(_ key: String) throws -> String {
        try checked(try required(key), key)
    }

    func optionalText(_ key: String) throws -> String? {
        try optional(key, String.self).map { try checked($0, key) }
    }

    /// Texts, each once.
    func texts(_ key: String) throws -> [String]? {
        guard let texts = try optional(key, [String].self) else { return nil }
        for (index, text) in texts.enumerated() {
            _ = try checked(text, key)
            if texts[..<index].contains(text) { throw problem(key, "\"\(text)\" stands there twice") }
        }
        return texts
    }

    /// The number of an argument.
    func argument(_ key: String) throws -> Int {
        try checkedArgument(try required(key), key)
    }

    func optionalArgument(_ key: String) throws -> Int? {
        try optional(key, Int.self).map { try checkedArgument($0, key) }
    }

    /// The width of an integer type.
    func bits(_ key: String) throws -> Int {
        let bits = try optional(key, Int.self) ?? 64
        guard [8, 16, 32, 64].contains(bits) else { throw problem(key, "must be 8, 16, 32 or 64, is \(bits)") }
        return bits
    }

    func problem(_ key: String, _ text: String) -> DecodingError {
        .dataCorrupted(
            DecodingError.Context(
                codingPath: container.codingPath + [Key(stringValue: key)], debugDescription: text))
    }

    private func checked(_ text: String, _ key: String) throws -> String {
        guard !text.isEmpty else { throw problem(key, "must not be empty") }
        guard text.utf8.count <= 255, text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw problem(key, "must be printable ASCII of at most 255 characters")
        }
        return text
    }

    private func checkedArgument(_ argument: Int, _ key: String) throws -> Int {
        guard (0...FunctionRule.lastArgument).contains(argument) else {
            throw problem(key, "must be 0 to \(FunctionRule.lastArgument), is \(argument)")
        }
        return argument
    }
}
