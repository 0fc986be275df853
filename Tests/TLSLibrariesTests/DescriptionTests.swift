import TLSLibraries
import Testing

@Suite("Descriptions of libraries")
struct DescriptionTests {
    private static func description(
        kind: String = "\"Mine\"", recognise: String = "{defines: [\"set_name\"]}",
        function: String = "symbol: \"set_name\", name: {argument: 1, form: \"terminated\"}", rest: String = ""
    ) -> String {
        "{kind: \(kind), recognise: \(recognise), functions: [{\(function)}]\(rest)}"
    }

    private func failure(_ text: String) -> String? {
        do {
            _ = try LibraryDescription.decode(json5: text, file: "mine.json5")
            return nil
        } catch {
            return error.description
        }
    }

    @Test("A description is read as it stands")
    func good() throws {
        let text = Self.description(
            function: """
                symbol: "set_name", /* a comment */ name: {argument: 2, form: 'length', length: {argument: 3, bits: 16}},
                conditions: [{argument: 1, equals: 0x37, bits: 32},], connection: 0,
                """, rest: ", version: {prefix: \"Mine \", beside: \"libmine\"}")
        let description = try LibraryDescription.decode(json5: text, file: "mine.json5")
        #expect(description.kind == "Mine")
        #expect(
            description.functions.map(\.rule) == [
                FunctionRule(
                    nameArgument: 2, lengthArgument: 3, lengthBits: 16,
                    conditions: [.init(argument: 1, equals: 55, bits: 32)], connectionArgument: 0)
            ])
        #expect(description.version?.beside == "libmine")
    }

    @Test(
        "Mistakes are named with file and key",
        arguments: [
            ("{", "mine.json5:1: the file ends without the } that closes line 1"),
            ("[]", "must be an object"),
            ("{}", "has no key \"kind\""),
            (description(kind: "\"\""), "kind: must not be empty"),
            (description(kind: "7"), "kind: must be a string"),
            (description(kind: "\"a\\u001b[31m\""), "kind: must be printable ASCII"),
            (description(rest: ", versoin: {}"), "versoin: unknown key; there are kind, recognise, functions, version"),
            (description(recognise: "{}"), "recognise.defines: must name at least one function"),
            (description(recognise: "{defines: [\"a\", \"a\"]}"), "recognise.defines[1]: \"a\" stands there twice"),
            (description(recognise: "{defines: [\"a\"], lacks: [\"a\"]}"), "recognise.lacks[0]: \"a\" stands in"),
            (
                description(function: "symbol: \"a\", name: {argument: 9, form: \"terminated\"}"),
                "functions[0].name.argument: must be 0 to 4, is 9"
            ),
            (
                description(function: "symbol: \"a\", name: {argument: 1, form: \"pascal\"}"),
                "functions[0].name.form: must be \"terminated\" or \"length\", is \"pascal\""
            ),
            (
                description(function: "symbol: \"a\", name: {argument: 1, form: \"length\"}"),
                "functions[0].name.length: is missing"
            ),
            (
                description(
                    function: "symbol: \"a\", name: {argument: 1, form: \"terminated\", length: {argument: 2}}"),
                "functions[0].name.length: belongs to"
            ),
            (description(function: "symbol: \"a\", nam: 1"), "functions[0].nam: unknown key"),
            (
                description(
                    function: """
                        symbol: "a", name: {argument: 1, form: "terminated"},
                        conditions: [{argument: 0, equals: 256, bits: 8}]
                        """), "functions[0].conditions[0].equals: 256 does not fit into 8 bits"
            ),
            (
                description(
                    function: """
                        symbol: "a", name: {argument: 1, form: "terminated"},
                        conditions: [{argument: 0, equals: 1, bits: 31}]
                        """), "functions[0].conditions[0].bits: must be 8, 16, 32 or 64, is 31"
            ),
            (description(rest: ", version: {beside: \"x\"}"), "version.prefix: is missing"),
            (
                """
                {kind: "Mine", recognise: {defines: ["a"]}, functions: [
                {symbol: "a", name: {argument: 1, form: "terminated"}},
                {symbol: "a", name: {argument: 1, form: "terminated"}}]}
                """, "functions[1]: \"a\" stands there twice"
            ),
            ("{kind: \"Mine\", recognise: {defines: [\"a\"]}, functions: []}", "functions: must not be empty"),
        ])
    func mistakes(_ text: String, _ expected: String) throws {
        let problem = try #require(failure(text))
        #expect(problem.hasPrefix("mine.json5:"), "\(problem)")
        #expect(problem.contains(expected), "\(problem)")
    }

    @Test("The built-in descriptions are sound; one of the same kind replaces one")
    func catalog() throws {
        let catalog = try LibraryCatalog.builtin
        #expect(Set(catalog.descriptions.map(\.kind)).isSuperset(of: ["OpenSSL", "LibreSSL", "BoringSSL", "GnuTLS"]))
        let mine = try LibraryDescription.decode(json5: Self.description(kind: "\"OpenSSL\""), file: "mine.json5")
        let changed = catalog.adding([mine])
        #expect(changed.descriptions.count == catalog.descriptions.count)
        #expect(changed.descriptions.first { $0.kind == "OpenSSL" } == mine)
        #expect(throws: DescriptionError.self) {
            try LibraryDescription.decode(files: [("a", Self.description()), ("b", Self.description())])
        }
    }
}
