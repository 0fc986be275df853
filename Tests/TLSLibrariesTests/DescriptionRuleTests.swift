import TLSLibraries
import Testing

@Suite("Descriptions that can't be meant")
struct DescriptionRuleTests {
    private func failure(_ text: String) -> String? {
        do {
            _ = try LibraryDescription.decode(json5: text, file: "mine.json5")
            return nil
        } catch {
            return error.description
        }
    }

    private static let name = "name: { argument: 1, form: 'terminated' }"
    private static let texts = "references: { is: ['my own text'] }, largestSize: 100"

    @Test(
        "Functions that nothing finds, or that can't be told from others",
        arguments: [
            (name, ".symbol: is missing, and so are \"anchor\" and \"goFunctions\": nothing finds the function"),
            ("symbol: 'a b', \(name)", ".symbol: \"a b\" is no name of a symbol table"),
            ("symbol: 'a()', \(name)", ".symbol: \"a()\" is no name of a symbol table"),
            (
                "symbol: 'set', renamed: { with: 'acme_free' }, \(name)",
                ".renamed: needs a \"symbol\" of at least 8 characters"
            ),
            (
                "symbol: 'set_name', renamed: { with: 'acme_free', except: [] }, \(name)",
                ".renamed.except: must not be empty; leave"
            ),
            (
                "anchor: { finds: 'a', \(texts), usesArgument: 1 }, renamed: { with: 'acme_free' }, \(name)",
                ".renamed: needs a \"symbol\""
            ),
            ("anchor: { \(texts), usesArgument: 1 }, \(name)", ".anchor: needs \"finds\""),
            ("symbol: 'a', anchor: { \(texts) }, \(name)", ".anchor.references: are not enough"),
            ("symbol: 'a', anchor: { \(texts), immediates: [15] }, \(name)", ".anchor.references: are not enough"),
            ("symbol: 'a', anchor: { \(texts), callSite: [99] }, \(name)", ".anchor.references: are not enough"),
            (
                "symbol: 'a', anchor: { \(texts), compares: [{ with: 3 }] }, \(name)",
                ".anchor.references: are not enough"
            ),
            (
                "symbol: 'a', anchor: { \(texts), compares: [{ with: 16, tolerance: 16 }] }, \(name)",
                ".anchor.compares[0].with: is 16, give or take 16: each function compares something with 0"
            ),
            (
                "symbol: 'a', anchor: { \(texts), compares: [{ with: 99, tolerance: 17 }] }, \(name)",
                ".anchor.compares[0].tolerance: must be 0 to 16, is 17"
            ),
            ("symbol: 'a', anchor: { \(texts), immediates: [] }, \(name)", ".anchor.immediates: must not be empty"),
            (
                "symbol: 'a', anchor: { \(texts), immediates: [99, 99] }, \(name)",
                ".anchor.immediates[1]: 99 stands there twice"
            ),
            (
                "symbol: 'a', anchor: { \(texts), immediates: [99, 0] }, \(name)",
                ".anchor.immediates[1]: must be 1 to 4294967295, is 0"
            ),
            (
                "symbol: 'a', anchor: { \(texts), immediates: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, \(name)",
                ".anchor.immediates: must be at most 8, are 9"
            ),
            (
                "symbol: 'a', anchor: { \(texts), usesArgument: 5 }, \(name)",
                ".anchor.usesArgument: must be 0 to 4, is 5"
            ),
            (
                "symbol: 'a', anchor: { \(texts), usesArgument: 1, functions: 9 }, \(name)",
                ".anchor.functions: must be 1 to 8, is 9"
            ),
            (
                "symbol: 'a', anchor: { references: {}, usesArgument: 1, largestSize: 99 }, \(name)",
                ".anchor.references.endsWith: is missing"
            ),
            (
                "symbol: 'a', anchor: { references: { is: ['a.c'] }, largestSize: 99 }, \(name)",
                ".anchor.references.is[0]: \"a.c\" has less than 8"
            ),
            (
                "symbol: 'a', anchor: { references: { is: ['my own text'] }, largestSize: 9 }, \(name)",
                ".anchor.largestSize: must be 16 to 65536, is 9"
            ),
        ])
    func functions(_ function: String, _ expected: String) throws {
        let problem = try #require(failure("{ kind: 'Mine', functions: [{ \(function) }] }"))
        #expect(problem.hasPrefix("mine.json5:1: functions[0]" + expected), "\(problem)")
    }

    @Test(
        "Arguments that are two things at once",
        arguments: [
            ("name: { argument: 1, form: 'length', length: { argument: 1 } }", ".name: has its length in argument 1"),
            ("\(name), connection: 1", ".connection: is argument 1, which \"name\" has"),
            ("\(name), conditions: []", ".conditions: must not be empty; leave the key out"),
            (
                "\(name), conditions: [{ argument: 1, equals: 0 }]",
                ".conditions[0]: is about argument 1, which \"name\" has"
            ),
            (
                "\(name), connection: 0, conditions: [{ argument: 0, equals: 7 }]",
                ".conditions[0]: is about argument 0, which is the \"connection\""
            ),
            (
                "\(name), conditions: [{ argument: 2, equals: 1 }, { argument: 2, equals: 2 }]",
                ".conditions[1]: argument 2 has a condition already"
            ),
            (
                "\(name), conditions: [{ argument: 2, equals: 1 }, { argument: 3, equals: 2 }, { argument: 4, equals: 2 }]",
                ".conditions: must be at most 2, are 3"
            ),
            ("\(name), sent: {}", ".sent: says nothing: there are addresses, trailingDots"),
        ])
    func arguments(_ rest: String, _ expected: String) throws {
        let problem = try #require(failure("{ kind: 'Mine', functions: [{ symbol: 'set_name', \(rest) }] }"))
        #expect(problem.hasPrefix("mine.json5:1: functions[0]" + expected), "\(problem)")
    }

    @Test(
        "Go's functions",
        arguments: [
            ("'a.b'], \(name)", ".name: must have the form \"length\": no NUL ends Go's strings"),
            ("'a.b'], symbol: 'a', \(name)", ".goFunctions: takes its arguments as Go's functions do"),
            ("], \(name)", ".goFunctions: must not be empty"),
            (
                "'a'], name: { argument: 0, form: 'length', length: { argument: 1 } }",
                ".goFunctions[0]: must be a package's path"
            ),
            (
                "'a/*/b.c'], name: { argument: 0, form: 'length', length: { argument: 1 } }",
                ".goFunctions[0]: must be a package's path"
            ),
        ])
    func goFunctions(_ rest: String, _ expected: String) throws {
        let problem = try #require(failure("{ kind: 'Mine', functions: [{ goFunctions: [\(rest) }] }"))
        #expect(problem.hasPrefix("mine.json5:1: functions[0]" + expected), "\(problem)")
    }

    @Test("Two functions that would be one place")
    func twice() throws {
        let anchor = "anchor: { \(Self.texts), usesArgument: 1 }"
        let anchors = "{ symbol: 'a', \(anchor), \(Self.name) },\n{ symbol: 'b', \(anchor), \(Self.name) }"
        #expect(
            failure("{ kind: 'Mine', functions: [\(anchors)] }")
                == "mine.json5:2: functions[1]: is found by what functions[0] is found by: they would be one place")
        let length = "name: { argument: 0, form: 'length', length: { argument: 1 } }"
        let go = "{ goFunctions: ['a.b'], \(length) }, { goFunctions: ['c.d', 'a.b'], \(length) }"
        let problem = try #require(failure("{ kind: 'Mine', functions: [\(go)] }"))
        #expect(problem.contains("functions[1]: is found by what functions[0] is found by"))
    }

    @Test(
        "Libraries that nothing tells of, or anything",
        arguments: [
            (
                "recognise: { lacks: ['a'], texts: ['my own text'] }",
                "recognise.lacks: tells nothing where \"defines\" is"
            ),
            ("recognise: { defines: [] }", "recognise.defines: must not be empty"),
            ("recognise: { texts: ['short'] }", "recognise.texts[0]: \"short\" has less than 8 characters"),
            ("version: { prefix: 'v' }", "version.prefix: \"v\" has less than 4 characters"),
            ("version: { symbolVersions: 'MINE_', beside: 'libmine' }", "version.beside: needs a \"prefix\""),
            ("untraceable: 'a reason'", "functions: must be empty where the library is \"untraceable\""),
        ])
    func libraries(_ rest: String, _ expected: String) throws {
        let problem = try #require(failure("{ kind: 'Mine', functions: [{ symbol: 'a', \(Self.name) }], \(rest) }"))
        #expect(problem.hasPrefix("mine.json5:1: " + expected), "\(problem)")
        #expect(
            failure("{ kind: 'Mine', untraceable: 'a reason' }")
                == "mine.json5:1: recognise: is missing; nothing else tells of a library without functions")
    }
}
