internal import Containers
internal import OS

/// Finds out what the cgroup of a container alone tells, where its runtime's state may not come in time: whose it is, by
/// the cgroups above, and what that user is called. A thread of its own does it, which waits for nobody: it reads the
/// cgroup file system and /etc/passwd.
final class StubReader: Sendable {
    private struct Question: Sendable {
        let cgroup: String
        let answer: @Sendable (Container?) -> Void
    }

    private let questions = BlockingQueue<Question>()

    init() throws(SystemError) {
        try Threads.start(name: "stubs") { [questions] in
            while let question = questions.take() { question.answer(Container(atCgroup: question.cgroup)) }
        }
    }

    /// - Parameter answer: Called on the thread of this object, with nil for a cgroup that is not called like a
    ///   container's.
    func read(cgroup path: String, _ answer: @escaping @Sendable (Container?) -> Void) {
        questions.put(Question(cgroup: path, answer: answer))
    }

    func close() {
        questions.close()
    }
}
