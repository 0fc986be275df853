internal import FoundationEssentials
internal import OS

/// Decodes JSON that nobody vouches for.
enum JSONFile {
    /// - Throws: `SystemError` where the file can't be read, `StateError` where it is nonsense.
    static func decode<Value: Decodable>(_ type: Value.Type, from path: String, limit: Int) throws -> Value {
        try decode(type, from: Files.readRegular(path, limit: limit), of: path)
    }

    /// - Parameter subject: How errors call the source.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], of subject: String
    ) throws(StateError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw StateError(subject, reason(error))
        } catch {
            throw StateError(subject, "it is not JSON")
        }
    }

    /// Says where, never what: the content may be secret.
    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "it has no \(place(context.codingPath + [key]))"
        case .typeMismatch(_, let context): "\(place(context.codingPath)) is of another type"
        case .valueNotFound(_, let context): "\(place(context.codingPath)) is null"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty: "\(place(context.codingPath)) is not valid"
        default: "it is not JSON"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        let names = path.map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }
        return names.isEmpty ? "it" : "\"" + names.joined(separator: ".") + "\""
    }
}
