/// What is wrong in a JSON5 text, and where.
struct JSON5SyntaxError: Error, Equatable {
    /// From 1.
    let line: Int
    /// A clause: "a comma or } is missing before "name"".
    let problem: String
}
