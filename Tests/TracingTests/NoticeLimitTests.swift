import Testing

@testable import Tracing

@Suite("How often the user is told")
struct NoticeLimitTests {
    @Test("one user's notices end with a line that says so, and another's are still shown")
    func perOwner() {
        var limits = NoticeLimits()
        let shown = (0..<1000).flatMap { limits.admitted("file \($0)", kind: "files", .user(1)) }
        #expect(shown.count == NoticeLimits.mostOfAKind + 1)
        #expect(shown.last == "files of user 1: no more of these are shown")
        #expect(!limits.hasRoom(kind: "files", .user(1)))
        #expect(limits.hasRoom(kind: "files", .user(2)))
        let another = limits.admitted("another file", kind: "files", .user(2))
        #expect(another == ["another file"])
    }

    @Test("reasons of a hostile file's own make no more of them")
    func kinds() {
        var limits = NoticeLimits()
        let shown = (0..<100_000).flatMap { limits.admitted("file", kind: "reason \($0)", .user(1)) }
        #expect(shown.count < 2000)
        #expect(shown.last == "notices of further users: no more of these are shown")
    }

    @Test("that a limit is reached is told once for each owner")
    func limit() {
        var limits = NoticeLimits()
        let reached: [OwnersLimit] = [
            .waiting(.user(1)), .waiting(.user(1)), .waiting(.user(2)), .descriptors(.user(1), most: 5),
        ]
        let areNew = reached.map { limits.isNew($0) }
        #expect(areNew == [true, false, true, true])
    }
}
