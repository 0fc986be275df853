/// What is wrong in a description of a TLS library, and where.
public struct DescriptionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file's name as it was given.
    public let file: String
    /// From 1: where the key stands, or what lacks it; nil where no line is meant.
    public let line: Int?
    /// The key, such as `functions[0].name.argument`; nil where the whole file is meant.
    public let key: String?
    /// A clause: "must be 0 to 4, is 9".
    public let problem: String

    public init(file: String, line: Int? = nil, key: String? = nil, problem: String) {
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem
    }

    init(file: String, _ error: DecodingError, in place: JSON5Place) {
        let (context, problem): (DecodingError.Context, String?) =
            switch error {
            case .typeMismatch(let type, let context): (context, "must be \(Self.name(of: type))")
            case .valueNotFound(let type, let context): (context, "must be \(Self.name(of: type)), not null")
            case .keyNotFound(let key, let context): (context, "has no key \"\(key.stringValue)\"")
            case .dataCorrupted(let context): (context, nil)
            @unknown default: (DecodingError.Context(codingPath: [], debugDescription: "\(error)"), nil)
            }
        let key = Self.path(context.codingPath)
        // FoundationEssentials gives a syntax error's reason, if any, as an underlying error.
        let reason = context.underlyingError.map { ": \($0)" } ?? ""
        self.init(
            file: file, line: place.line(of: context.codingPath), key: key.isEmpty ? nil : key,
            problem: problem ?? context.debugDescription + reason)
    }

    /// `FILE:LINE: KEY: PROBLEM`, as compilers write it.
    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return [place, key, problem].compactMap(\.self).joined(separator: ": ")
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        var result = ""
        for key in keys {
            if let index = key.intValue {
                result += "[\(index)]"
            } else {
                result += (result.isEmpty ? "" : ".") + key.stringValue
            }
        }
        return result
    }

    private static func name(of type: any Any.Type) -> String {
        if type is String.Type { return "a string" }
        if type is any BinaryInteger.Type { return "a whole number" }
        // Decoders ask for an object as a dictionary, which is a collection too.
        if type is any ExpressibleByDictionaryLiteral.Type { return "an object" }
        if type is any Collection.Type { return "a list" }
        return "an object"
    }
}
