import Synchronization
import _StringProcessing

enum Comparison: String, CaseIterable {
    // The longer ones first: each is looked for in this order at the same place.
    case equal = "=="
    case notEqual = "!="
    case notMatching = "!~"
    case atLeast = ">="
    case atMost = "<="
    case matching = "~"
    case greater = ">"
    case less = "<"
}

/// A condition cut into its parts.
struct ConditionText {
    let text: String
    let field: String
    let comparison: Comparison
    let operand: String

    init(_ text: String) throws(UsageError) {
        try UsageError.checkLength(text, of: "A filter condition")
        self.text = text
        let start = text.firstIndex { "=!~<>".contains($0) } ?? text.endIndex
        guard let comparison = Comparison.allCases.first(where: { text[start...].hasPrefix($0.rawValue) }) else {
            throw UsageError(
                "The filter \(text.quotedInError) has no operator: write 'field==value', with one of "
                    + "== != ~ !~ > >= < <=, and a comma inside a value as '\\,'.")
        }
        self.comparison = comparison
        self.field = text[..<start].trimmingBlanks
        self.operand = text[start...].dropFirst(comparison.rawValue.count).trimmingBlanks
            .replacing("\\,", with: ",")
        guard !field.isEmpty else {
            throw UsageError("The filter \(text.quotedInError) has no field: write 'field==value'.")
        }
    }
}

/// What a value is compared with.
struct Condition: Sendable {
    private let comparison: Comparison
    private let operand: String
    /// The operand as a number, if it is one.
    private let number: Int64?
    private let pattern: Pattern?

    init(_ parsed: ConditionText, kind: ValueKind) throws(UsageError) {
        comparison = parsed.comparison
        operand = parsed.operand
        number = Int64(parsed.operand)
        if comparison == .matching || comparison == .notMatching {
            pattern = try Pattern(parsed.operand, condition: parsed.text)
            return
        }
        pattern = nil
        let isEquality = comparison == .equal || comparison == .notEqual
        // An empty operand asks whether the field applies at all.
        if isEquality, operand.isEmpty { return }
        let shown = parsed.text.quotedInError
        if kind == .integer, number == nil {
            throw UsageError(
                "The filter \(shown) compares an integer field with text: write an integer, or use ~ with a pattern.")
        }
        if kind == .boolean, !isEquality || !["true", "false"].contains(operand) {
            throw UsageError("The filter \(shown) is about true or false: write '\(parsed.field)==true' or '…==false'.")
        }
    }

    func isMet(by value: Value?) -> Bool {
        switch comparison {
        case .equal: isEqual(to: value)
        case .notEqual: !isEqual(to: value)
        case .matching: pattern?.isFound(in: value?.text ?? "") ?? false
        case .notMatching: !(pattern?.isFound(in: value?.text ?? "") ?? true)
        case .greater: order(of: value).map { $0 > 0 } ?? false
        case .atLeast: order(of: value).map { $0 >= 0 } ?? false
        case .less: order(of: value).map { $0 < 0 } ?? false
        case .atMost: order(of: value).map { $0 <= 0 } ?? false
        }
    }

    private func isEqual(to value: Value?) -> Bool {
        if case .integer(let integer) = value, let number { return integer == number }
        return (value?.text ?? "") == operand
    }

    /// Negative, 0 or positive as the value is less than, equal to or greater than the operand; nil if they can't be
    /// compared.
    private func order(of value: Value?) -> Int? {
        switch value {
        case nil: return nil
        case .integer(let integer):
            guard let number else { return nil }
            return integer == number ? 0 : integer < number ? -1 : 1
        case .some(let value):
            let text = value.text
            return text == operand ? 0 : text < operand ? -1 : 1
        }
    }
}

/// A regular expression. `Regex` is not `Sendable`, hence the lock; it is not contended.
final class Pattern: Sendable {
    private let regex: Mutex<Regex<AnyRegexOutput>>

    init(_ text: String, condition: String) throws(UsageError) {
        do {
            // Scalars, not characters: a mark that a process puts after a letter must not hide that letter.
            regex = Mutex(try Regex(text).matchingSemantics(.unicodeScalar))
        } catch {
            throw UsageError(
                "The filter \(condition.quotedInError) has a bad regular expression: "
                    + "\("\(error)".escapedForTerminal). Correct the pattern after the ~.")
        }
    }

    func isFound(in text: String) -> Bool {
        regex.withLock { regex in
            // Only a pattern with Swift closures in it can throw, and one that was made from text has none.
            ((try? regex.firstMatch(in: text)) ?? nil) != nil
        }
    }
}
