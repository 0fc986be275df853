/// Input from the command line that cannot be used.
///
/// `description` is a full sentence: what was given, why it is refused and what to write instead. Text that came from
/// the command line is escaped in it, so it can be printed to a terminal as it is.
public struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }

    /// The longest pattern or value accepted, in UTF-8 bytes.
    static let longestArgument = 4096

    /// Refuses a text longer than `longestArgument`.
    static func checkLength(_ text: String, of subject: String) throws(UsageError) {
        let length = text.utf8.count
        guard length > longestArgument else { return }
        throw UsageError("\(subject) is \(length) bytes long and at most \(longestArgument) are accepted: shorten it.")
    }
}
