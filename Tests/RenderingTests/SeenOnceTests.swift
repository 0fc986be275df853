import Rendering
import Testing

@Suite("What is shown once")
struct SeenOnceTests {
    private struct Key: Hashable {
        let pid: UInt32
        let name: String?
    }

    @Test("a key is new once; any part of it tells it from others")
    func once() {
        var seen = SeenOnce()
        let keys = [Key(pid: 1, name: "a"), Key(pid: 2, name: "a"), Key(pid: 1, name: "b"), Key(pid: 1, name: nil)]
        let (first, again) = (keys.map { seen.insert($0) }, keys.map { seen.insert($0) })
        #expect(first == [true, true, true, true])
        #expect(again == [false, false, false, false])
    }

    @Test("beyond the limit the oldest are forgotten, which shows; the latest are not")
    func limit() {
        var seen = SeenOnce(most: 1000)
        func areNew(_ keys: Range<Int>) -> Set<Bool> {
            var answers: Set<Bool> = []
            for key in keys { answers.insert(seen.insert(key)) }
            return answers
        }
        #expect(areNew(0..<2000) == [true])
        #expect(areNew(0..<2000) == [false])
        #expect(!seen.hasForgotten)
        #expect(areNew(2000..<3000) == [true])
        #expect(seen.hasForgotten)
        #expect(areNew(1000..<3000) == [false])
        #expect(areNew(0..<1) == [true])
    }
}
