import OS
import Processes
import Testing

@Suite("Questions that may never be answered")
struct MemoryQuestionsTests {
    @Test("one user's take no room from another's, and the room comes back")
    func users() throws {
        let questions = MemoryQuestions(first: 0) { $0 }
        let gate = BlockingQueue<Void>()
        let ended = BlockingQueue<Void>()
        var asked = 0
        // Each begins, and none is answered in time.
        let began = BlockingQueue<Void>()
        while true {
            let isAnswered = questions.ask(1000, within: 1) {
                began.put(())
                _ = gate.take()
                ended.put(())
                return true
            }
            #expect(isAnswered == nil)
            guard began.take(within: 2000) != nil else { break }
            asked += 1
        }
        #expect(asked == 16)
        #expect(questions.ask(1001, within: 20_000) { 7 } == 7)
        for _ in 0..<asked { gate.put(()) }
        for _ in 0..<asked { #expect(ended.take(within: 20_000) != nil) }
        var answer: Int?
        for _ in 0..<2000 where answer == nil {
            answer = questions.ask(1000, within: 20_000) { 8 }
            if answer == nil { Threads.sleep(milliseconds: 1) }
        }
        #expect(answer == 8)
    }
}
