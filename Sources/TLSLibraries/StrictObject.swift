/// A decoder's object that allows known keys only: a misspelt key must not pass as one that was left out.
struct StrictObject {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int?

        init(stringValue: String) {
            self.stringValue = stringValue
            intValue = nil
        }

        init(intValue: Int) {
            stringValue = "\(intValue)"
            self.intValue = intValue
        }
    }

    private let keys: [String]
    private let container: KeyedDecodingContainer<Key>

    init(_ decoder: any Decoder, keys: [String]) throws {
        self.keys = keys
        container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue })
        where !keys.contains(key.stringValue) {
            throw problem(key.stringValue, "unknown key; there are \(keys.joined(separator: ", "))")
        }
        for key in container.allKeys where try container.decodeNil(forKey: key) {
            throw problem(key.stringValue, "must not be null; leave the key out")
        }
    }

    func required<Value: Decodable>(_ key: String, _ type: Value.Type = Value.self) throws -> Value {
        try container.decode(type, forKey: Key(stringValue: key))
    }

    func optional<Value: Decodable>(_ key: String, _ type: Value.Type = Value.self) throws -> Value? {
        try container.decodeIfPresent(type, forKey: Key(stringValue: key))
    }

    /// A list of at least one.
    func list<Element: Decodable>(_ key: String, _ type: Element.Type) throws -> [Element]? {
        let list = try optional(key, [Element].self)
        if list?.isEmpty ?? false { throw problem(key, "must not be empty; leave the key out") }
        return list
    }

    /// - Throws: Where it has no key at all.
    func checkNotEmpty() throws {
        guard container.allKeys.isEmpty else { return }
        throw DecodingError.dataCorrupted(
            DecodingError.Context(
                codingPath: container.codingPath,
                debugDescription: "says nothing: there are \(keys.joined(separator: ", "))"))
    }

    /// A name or text: printable ASCII, not empty; it may end up in messages and in file searches.
    func text(_ key: String) throws -> String {
        try checked(try required(key), key)
    }

    func optionalText(_ key: String) throws -> String? {
        try optional(key, String.self).map { try checked($0, key) }
    }

    /// Texts, at least one, each once.
    func texts(_ key: String) throws -> [String]? {
        guard let texts = try optional(key, [String].self) else { return nil }
        try checkList(texts, key)
        for (index, text) in texts.enumerated() { _ = try checked(text, key, at: index) }
        return texts
    }

    /// The name of a function in a symbol table.
    func optionalSymbol(_ key: String) throws -> String? {
        guard let symbol = try optionalText(key) else { return nil }
        return try checkedSymbol(symbol, key)
    }

    /// Names, or beginnings of names, as in symbol tables; at least one, each once.
    func symbols(_ key: String) throws -> [String]? {
        let symbols = try texts(key)
        for (index, symbol) in (symbols ?? []).enumerated() { _ = try checkedSymbol(symbol, key, at: index) }
        return symbols
    }

    /// A whole number of that range.
    func number<Number: FixedWidthInteger & Decodable>(_ key: String, in range: ClosedRange<Number>) throws -> Number? {
        guard let number = try whole(key, Number.self) else { return nil }
        return try checked(number, range, key)
    }

    /// Whole numbers of that range, at least one, each once.
    func numbers(_ key: String, in range: ClosedRange<Int64>, limit: Int) throws -> [Int64]? {
        guard let numbers = try whole(key, [Int64].self) else { return nil }
        try checkList(numbers, key)
        guard numbers.count <= limit else { throw problem(key, "must be at most \(limit), are \(numbers.count)") }
        for (index, number) in numbers.enumerated() { _ = try checked(number, range, key, at: index) }
        return numbers
    }

    /// The number of an argument.
    func argument(_ key: String) throws -> Int {
        // The decoder tells what it thinks of a missing key.
        try optionalArgument(key) ?? required(key)
    }

    func optionalArgument(_ key: String) throws -> Int? {
        try number(key, in: 0...FunctionRule.lastArgument)
    }

    /// The width of an integer type.
    func bits(_ key: String) throws -> Int {
        let bits = try whole(key, Int.self) ?? 64
        guard [8, 16, 32, 64].contains(bits) else { throw problem(key, "must be 8, 16, 32 or 64, is \(bits)") }
        return bits
    }

    /// A number, or numbers. For one that is too large or has a fraction, the decoder throws an error of its own, which
    /// tells no key.
    private func whole<Value: Decodable>(_ key: String, _ type: Value.Type) throws -> Value? {
        do {
            return try optional(key, type)
        } catch let error as DecodingError {
            throw error
        } catch {
            throw problem(key, "must be a whole number that fits into 64 bits")
        }
    }

    /// - Parameter index: Of the part that is meant, where the key has a list.
    func problem(_ key: String, at index: Int? = nil, _ text: String) -> DecodingError {
        let keys = [Key(stringValue: key)] + (index.map { [Key(intValue: $0)] } ?? [])
        return .dataCorrupted(
            DecodingError.Context(codingPath: container.codingPath + keys, debugDescription: text))
    }

    /// At least one, each once.
    private func checkList<Element: Equatable>(_ list: [Element], _ key: String) throws {
        guard !list.isEmpty else { throw problem(key, "must not be empty; leave the key out") }
        for (index, element) in list.enumerated() where list[..<index].contains(element) {
            let shown = element is String ? "\"\(element)\"" : "\(element)"
            throw problem(key, at: index, "\(shown) stands there twice")
        }
    }

    private func checked(_ text: String, _ key: String, at index: Int? = nil) throws -> String {
        guard !text.isEmpty else { throw problem(key, at: index, "must not be empty") }
        guard text.utf8.count <= 255, text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw problem(key, at: index, "must be printable ASCII of at most 255 characters")
        }
        return text
    }

    private func checkedSymbol(_ symbol: String, _ key: String, at index: Int? = nil) throws -> String {
        guard !symbol.contains(where: { " ()*".contains($0) }) else {
            throw problem(key, at: index, "\"\(symbol)\" is no name of a symbol table")
        }
        return symbol
    }

    private func checked<Number: FixedWidthInteger>(
        _ number: Number, _ range: ClosedRange<Number>, _ key: String, at index: Int? = nil
    ) throws -> Number {
        guard range.contains(number) else {
            throw problem(key, at: index, "must be \(range.lowerBound) to \(range.upperBound), is \(number)")
        }
        return number
    }
}
