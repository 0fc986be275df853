/// Cuts a JSON object down to some of its members, without decoding the rest: a container's state holds its whole
/// configuration, which takes five times as long to decode as to pass over.
enum JSONTrim {
    /// - Parameter keys: The members to keep, and inside which objects; a member that is no object is kept whole.
    /// - Returns: An object with those members that are there. nil where the bytes do not have the form of an object:
    ///   whoever decodes them finds out what is wrong.
    static func object(_ json: [UInt8], keeping keys: [String: [String]]) -> [UInt8]? {
        guard let members = members(of: json[...], named: Set(keys.keys)) else { return nil }
        var result: [UInt8] = [UInt8(ascii: "{")]
        for (key, value) in members {
            var value = value
            if let inner = keys[key], !inner.isEmpty, value.first == UInt8(ascii: "{") {
                guard let kept = object(Array(value), keeping: Dictionary(inner.map { ($0, []) }) { one, _ in one })
                else { return nil }
                value = kept[...]
            }
            if result.count > 1 { result.append(UInt8(ascii: ",")) }
            result += Array("\"\(key)\":".utf8) + value
        }
        return result + [UInt8(ascii: "}")]
    }

    /// The wanted members' values; of a key that stands twice, the last.
    private static func members(of json: ArraySlice<UInt8>, named keys: Set<String>) -> [String: ArraySlice<UInt8>]? {
        var cursor = Cursor(rest: json)
        var members: [String: ArraySlice<UInt8>] = [:]
        guard cursor.take("{") else { return nil }
        if cursor.take("}") { return cursor.isAtEnd ? members : nil }
        repeat {
            guard let key = cursor.string(), cursor.take(":"), let value = cursor.value() else { return nil }
            // A key with escapes in it is none that is asked for.
            let name = String(decoding: key.dropFirst().dropLast(), as: UTF8.self)
            if keys.contains(name) { members[name] = value }
        } while cursor.take(",")
        return cursor.take("}") && cursor.isAtEnd ? members : nil
    }

    private struct Cursor {
        var rest: ArraySlice<UInt8>

        private mutating func skipSpace() {
            rest = rest.drop { $0 == 0x20 || 0x09...0x0d ~= $0 }
        }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return rest.isEmpty
            }
        }

        mutating func take(_ byte: Unicode.Scalar) -> Bool {
            skipSpace()
            guard rest.first == UInt8(ascii: byte) else { return false }
            rest.removeFirst()
            return true
        }

        /// With its quotes.
        mutating func string() -> ArraySlice<UInt8>? {
            skipSpace()
            guard rest.first == UInt8(ascii: "\"") else { return nil }
            var index = rest.startIndex + 1
            while index < rest.endIndex {
                switch rest[index] {
                case UInt8(ascii: "\\"): index += 2
                case UInt8(ascii: "\""):
                    defer { rest = rest[(index + 1)...] }
                    return rest[...index]
                default: index += 1
                }
            }
            return nil
        }

        /// Any value, passed over: what is inside of it is not looked at.
        mutating func value() -> ArraySlice<UInt8>? {
            skipSpace()
            let start = rest
            var depth = 0
            repeat {
                skipSpace()
                guard let byte = rest.first else { return nil }
                switch byte {
                case UInt8(ascii: "\""):
                    guard string() != nil else { return nil }
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    depth += 1
                    rest.removeFirst()
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    guard depth > 0 else { return nil }
                    depth -= 1
                    rest.removeFirst()
                case UInt8(ascii: ","), UInt8(ascii: ":"):
                    guard depth > 0 else { return nil }
                    rest.removeFirst()
                default:
                    rest = rest.drop { !Self.ends($0) }
                }
            } while depth > 0
            return start[..<rest.startIndex]
        }

        /// What ends a number or a word.
        private static func ends(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["),
                UInt8(ascii: "]"), UInt8(ascii: "\""), 0x20, 0x09...0x0d:
                true
            default: false
            }
        }
    }
}
