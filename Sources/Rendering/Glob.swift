/// A shell pattern for a whole text: `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash before a character that is meant
/// literally. There is no special treatment of a leading dot, and of `/` only where it is asked for. A `[` without its
/// `]` stands for itself.
public struct Glob: Sendable, Equatable {
    private enum Token: Sendable, Equatable {
        case literal(Unicode.Scalar)
        case any
        case star
        case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .literal(let literal): literal == scalar
            case .any: true
            case .star: false
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
            }
        }
    }

    private let tokens: [Token]
    private let ignoringCase: Bool
    private let stopsAtSlash: Bool
    /// The one text that matches, if the pattern has no special characters; in lower case if case is ignored.
    public let literal: String?

    /// - Parameters:
    ///   - ignoringCase: treats ASCII letters alike in upper and lower case, as host names need.
    ///   - stopsAtSlash: nothing but a `/` matches a `/`, as in paths.
    public init(_ pattern: String, ignoringCase: Bool = false, stopsAtSlash: Bool = false) {
        var scalars = Array(pattern.unicodeScalars)[...]
        if ignoringCase { scalars = scalars.map(Self.lowercased)[...] }
        var tokens: [Token] = []
        while let scalar = scalars.popFirst() {
            switch scalar {
            // More than one star in a row match no more than one does.
            case "*": if tokens.last != .star { tokens.append(.star) }
            case "?": tokens.append(.any)
            case "[": tokens.append(Self.readSet(&scalars) ?? .literal("["))
            case "\\": tokens.append(.literal(scalars.popFirst() ?? "\\"))
            default: tokens.append(.literal(scalar))
            }
        }
        self.tokens = tokens
        self.ignoringCase = ignoringCase
        self.stopsAtSlash = stopsAtSlash

        var literal = String.UnicodeScalarView()
        for case .literal(let scalar) in tokens { literal.append(scalar) }
        self.literal = literal.count == tokens.count ? String(literal) : nil
    }

    /// Whether the whole text matches. Takes at most as many steps as the lengths of text and pattern multiplied.
    public func matches(_ text: String) -> Bool {
        if let literal, !ignoringCase { return literal.unicodeScalars.elementsEqual(text.unicodeScalars) }
        let scalars = text.unicodeScalars
        var position = scalars.startIndex
        var token = 0
        // Only the last star has to be able to take more: what an earlier one took can stay as it is.
        var star: (token: Int, position: String.Index)?
        while position != scalars.endIndex {
            let scalar = ignoringCase ? Self.lowercased(scalars[position]) : scalars[position]
            if token < tokens.count, tokens[token] == .star {
                star = (token, position)
                token += 1
            } else if token < tokens.count, tokens[token].matches(scalar), allows(tokens[token], scalar) {
                token += 1
                position = scalars.index(after: position)
            } else if let last = star, allows(.star, scalars[last.position]) {
                position = scalars.index(after: last.position)
                star = (last.token, position)
                token = last.token + 1
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .star }
    }

    private func allows(_ token: Token, _ scalar: Unicode.Scalar) -> Bool {
        guard stopsAtSlash, scalar == "/" else { return true }
        return token == .literal("/")
    }

    /// Reads what follows a `[`, up to its `]`; nil, with nothing read, if that is missing.
    private static func readSet(_ scalars: inout ArraySlice<Unicode.Scalar>) -> Token? {
        var rest = scalars
        let isNegated = rest.first == "!" || rest.first == "^"
        if isNegated { rest.removeFirst() }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var isFirst = true
        while let scalar = rest.popFirst() {
            if scalar == "]", !isFirst {
                scalars = rest
                return .set(ranges, isNegated: isNegated)
            }
            isFirst = false
            let lower = scalar == "\\" ? rest.popFirst() ?? scalar : scalar
            var upper = lower
            if rest.first == "-", let end = rest.dropFirst().first, end != "]" {
                rest.removeFirst(2)
                upper = end == "\\" ? rest.popFirst() ?? end : end
            }
            // A range the wrong way round is empty, as in a shell.
            if lower <= upper { ranges.append(lower...upper) }
        }
        return nil
    }

    /// A pattern that a comparison of bytes decides.
    public enum Shape: Sendable, Equatable {
        case exact(String)
        case prefix(String)
        case suffix(String)
    }

    /// The pattern as one text, with a star behind it, before it or nowhere; nil for all others. In lower case if case is
    /// ignored.
    public var shape: Shape? {
        if let literal { return .exact(literal) }
        // Its stars stop at a slash.
        guard !stopsAtSlash else { return nil }
        var text = String.UnicodeScalarView()
        for case .literal(let scalar) in tokens { text.append(scalar) }
        guard text.count == tokens.count - 1 else { return nil }
        if tokens.last == .star { return .prefix(String(text)) }
        return tokens.first == .star ? .suffix(String(text)) : nil
    }

    private static func lowercased(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
    }
}
