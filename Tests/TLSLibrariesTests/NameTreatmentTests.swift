import TLSLibraries
import Testing

@Suite("Names as libraries send them")
struct NameTreatmentTests {
    private static let go: NameTreatment = [.dropsIPLiterals, .trimsTrailingDots]

    @Test(
        "an IP address sends none, nor do dots alone",
        arguments: [
            "127.0.0.1", "255.255.255.255", "::1", "[::1]", "fe80::1%eth0", "[fe80::1%25eth0]", "::ffff:1.2.3.4",
            "[127.0.0.1]", "127.0.0.1%x", "2001:db8::", ".", "...",
        ])
    func dropped(name: String) {
        #expect(Self.go.sentName(name) == nil)
    }

    @Test(
        "what looks like one is a name",
        arguments: [
            "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "%eth0", "[::1", "::1]", "[example.com]", "a%b", "1:2",
            "127.0.0.1\0", "",
        ])
    func kept(name: String) {
        #expect(Self.go.sentName(name) == name)
    }

    @Test("dots at the end are left out")
    func dots() {
        #expect(Self.go.sentName("example.com.") == "example.com")
        #expect(Self.go.sentName("example.com...") == "example.com")
        #expect(Self.go.sentName("127.0.0.1.") == "127.0.0.1")
        #expect(NameTreatment.dropsIPLiterals.sentName("example.com.") == "example.com.")
    }

    @Test("without a treatment names stay as they are", arguments: ["127.0.0.1", "example.com.", "."])
    func none(name: String) {
        #expect(NameTreatment().sentName(name) == name)
    }
}
