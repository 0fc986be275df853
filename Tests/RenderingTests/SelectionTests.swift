import Rendering
import Testing

@Suite struct GlobTests {
    @Test(arguments: [
        ("", ""), ("*", ""), ("*", "anything"), ("abc", "abc"), ("a*c", "ac"), ("a*c", "abbbc"), ("a?c", "abc"),
        ("*.github.com", "www.github.com"), ("[a-c]x", "bx"), ("[!a-c]x", "dx"), ("[^a]", "b"), ("[]a]", "]"),
        ("[a-]", "-"), ("[\\]]", "]"), ("\\*", "*"), ("a[", "a["), ("[a", "[a"), ("a\\", "a\\"), ("?", "é"), ("?", "🦊"),
        ("**a**", "bab"), ("*a*b", "xaxbxb"), ("[à-ü]*", "élan"), ("*", "a/b"), ("*", ".x"),
    ])
    func matching(pattern: String, text: String) {
        #expect(Glob(pattern).matches(text))
    }

    @Test(arguments: [
        ("", "a"), ("a", ""), ("?", ""), ("abc", "abcd"), ("abc", "ABC"), ("a*c", "acb"), ("a?c", "ac"), ("[a-c]", "d"),
        ("[!a-c]", "b"), ("[!a-c]", ""), ("[z-a]", "m"), ("\\*", "x"), ("*.github.com", "github.com"), ("e?", "é"),
    ])
    func notMatching(pattern: String, text: String) {
        #expect(!Glob(pattern).matches(text))
    }

    @Test func manyStarsTakeNoExponentialTime() {
        let text = String(repeating: "a", count: 4000)
        let pattern = String(repeating: "*a", count: 500) + "*b"
        var matches = true
        let elapsed = ContinuousClock().measure { matches = Glob(pattern).matches(text) }
        #expect(!matches)
        #expect(elapsed < .seconds(5))
    }

    @Test(arguments: [
        ("a.test", Glob.Shape.exact("a.test")), ("a\\", .exact("a\\")), ("a*", .prefix("a")), ("a**", .prefix("a")),
        ("*", .prefix("")), ("\\*a*", .prefix("*a")), ("*.a", .suffix(".a")), ("*\\*", .suffix("*")),
        ("*[", .suffix("[")),
    ])
    func shapes(pattern: String, shape: Glob.Shape) {
        #expect(Glob(pattern).shape == shape)
    }

    @Test(arguments: ["a*b", "*a*", "?a", "a?*", "[ab]", "*[ab]"])
    func withoutShape(pattern: String) {
        #expect(Glob(pattern).shape == nil)
    }

    @Test func shapesOfOtherGlobs() {
        #expect(Glob("*.GitHub.com", ignoringCase: true).shape == .suffix(".github.com"))
        #expect(Glob("*x", stopsAtSlash: true).shape == nil)
        #expect(Glob("x", stopsAtSlash: true).shape == .exact("x"))
    }

    @Test func caseOfHostNames() {
        #expect(Glob("*.GitHub.com", ignoringCase: true).matches("WWW.github.COM"))
        #expect(Glob("GitHub.com", ignoringCase: true).matches("github.COM"))
        #expect(!Glob("*.GitHub.com").matches("www.github.com"))
    }
}

@Suite struct SelectionTests {
    private func select(_ lists: String..., ignoringCase: Bool = false) throws -> Selection {
        try Selection(lists, option: "--comm", ignoringCase: ignoringCase)
    }

    private func failure(_ list: String) -> String? {
        #expect(throws: UsageError.self) { try select(list) }?.description
    }

    @Test func nothingGivenSelectsEverything() throws {
        let selection = try Selection(option: "--comm")
        #expect(selection.isEmpty && selection.matches("x") && selection.exactNames == nil)
    }

    @Test func oneOfTheListIsEnough() throws {
        let selection = try select("curl,wg*")
        #expect(selection.matches("curl") && selection.matches("wget"))
        #expect(!selection.matches("python"))
    }

    @Test func repeatedOptionsAddUp() throws {
        #expect(try select("curl", "wget").exactNames == ["curl", "wget"])
    }

    @Test func exclusionWinsAndAloneKeepsTheRest() throws {
        #expect(try select("!curl").matches("wget"))
        #expect(try !select("!curl").matches("curl"))
        #expect(try !select("c*,!curl").matches("curl"))
        #expect(try !select("!curl,c*").matches("wget"))
        #expect(try select("c*,!curl").matches("cat"))
    }

    @Test func severalNamesOfOneThing() throws {
        #expect(try select("java").matches(anyOf: ["http-client-1", "java"]))
        #expect(try !select("!java").matches(anyOf: ["http-client-1", "java"]))
        #expect(try !select("java").matches(anyOf: []))
    }

    @Test func exactNamesOnlyOfPositiveLiterals() throws {
        #expect(try select("curl,a\\*b").exactNames == ["curl", "a*b"])
        #expect(try select("curl,w*").exactNames == nil)
        #expect(try select("curl,!w").exactNames == nil)
        #expect(try select("curl", ignoringCase: true).exactNames == nil)
    }

    @Test func specialCharactersCanBeEscaped() throws {
        #expect(try select("a\\,b").exactNames == ["a,b"])
        #expect(try select("\\!x").exactNames == ["!x"])
        #expect(try select("a\\\\,b").exactNames == ["a\\", "b"])
    }

    @Test func badListsAreRefused() throws {
        for list in ["", "a,,b", "a,", "!", "a,!"] {
            let message = try #require(failure(list))
            #expect(message.contains("empty pattern") && message.contains("--comm"))
        }
        #expect(try #require(failure(String(repeating: "*", count: 4097))).contains("4096"))
    }
}
