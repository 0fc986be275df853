public import ArgumentParser
import OS
public import Rendering

extension OutputFormat: ExpressibleByArgument {}

/// How rows and objects are written, the same for every command that writes some.
struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "Output format.")
    var output: OutputFormat = .columns

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Show these fields, or add and remove some: +c,-d. Names are JSON paths (proc.comm) or column names.",
            valueName: "a,b"))
    var fields: String?

    @Option(
        name: [.customShort("F"), .long],
        help: ArgumentHelp(
            "Show only what matches: == != ~ !~ > >= < <=; ~ is a regular expression, a comma means and.",
            valueName: "field==value"))
    var filter: [String] = []

    @Flag(help: "Leave out the column heading.")
    var noHeader = false

    @Flag(help: "On a terminal, cut what does not fit, so that no line wraps.")
    var truncate = false

    /// The terminal behind an output; nil where it is none.
    func terminal(of output: OutputFile) -> Terminal? {
        output.isTerminal ? Terminal(width: output.terminalWidth, truncates: truncate) : nil
    }

    func selection<Row>(_ schema: Schema<Row>) throws -> FieldSelection<Row> {
        try fields.map { try FieldSelection(parsing: $0, schema: schema) } ?? FieldSelection(schema)
    }
}
