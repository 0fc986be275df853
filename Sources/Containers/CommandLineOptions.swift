/// Options with a value on another program's command line: "--name value" and "--name=value".
struct CommandLineOptions {
    private let arguments: ArraySlice<String>

    /// - Parameter arguments: The first is the program.
    init(_ arguments: [String]) {
        self.arguments = arguments.dropFirst()
    }

    /// The values of an option under any of its names, in order.
    func values(of names: [String]) -> [String] {
        var values: [String] = []
        var rest = arguments
        while let argument = rest.popFirst() {
            if argument == "--" { break }
            if names.contains(argument) {
                if let value = rest.popFirst() { values.append(value) }
            } else if let equals = argument.firstIndex(of: "="), names.contains(String(argument[..<equals])) {
                values.append(String(argument[argument.index(after: equals)...]))
            }
        }
        return values
    }

    /// The last one wins, as it does for most programs.
    func last(of names: [String]) -> String? {
        values(of: names).last { !$0.isEmpty }
    }
}
