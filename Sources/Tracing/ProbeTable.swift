internal import LibBPF
internal import OS
internal import Synchronization

/// What is known of the files that were looked into, shared by the threads that do so and the event loop.
final class ProbeTable: Sendable {
    /// A probed file: what its cookies mean, and the links that keep it probed.
    private struct Traced {
        var points: [LibraryReference]
        var links: [BPFLink] = []
    }

    /// A file looked into before, and the state in which it was.
    private struct Known {
        let changedAt: Int64
        var isFinished = false
        var outcome: ProbeOutcome?
    }

    private struct State {
        var traced: [Traced] = []
        var known: [InodeIdentity: Known] = [:]
        var libraries = 0

        /// Containers come and go with files of their own: those without a library are not remembered for ever.
        mutating func forgetIfMany() {
            guard known.count >= 1 << 16 else { return }
            known = known.filter { !$0.value.isFinished || $0.value.outcome?.isTraced == true }
        }
    }

    private let state = Mutex(State())

    /// Whether the caller is to look into a file: only one thread may, or a file would be probed twice.
    /// - Returns: nil where it is; else what came of it, `pending` while another thread is at it.
    func claim(_ file: InodeIdentity, changedAt: Int64) -> ProbeOutcome? {
        state.withLock { state in
            if let known = state.known[file] {
                if !known.isFinished { return .pending }
                // A probed inode is held by its probe; any other may be a new file under an old number.
                if let outcome = known.outcome {
                    if outcome.isTraced { return .traced(detail: nil) }
                    if known.changedAt == changedAt { return outcome.withoutWords }
                }
            }
            state.forgetIfMany()
            state.known[file] = Known(changedAt: changedAt)
            return nil
        }
    }

    func finish(_ file: InodeIdentity, _ outcome: ProbeOutcome) {
        state.withLock { state in
            state.known[file]?.isFinished = true
            state.known[file]?.outcome = outcome
        }
    }

    /// Registers a file before it is probed, so that its first event finds its meaning.
    /// - Returns: The file's half of the cookie.
    func register(_ points: [LibraryReference]) -> UInt32 {
        state.withLock { state in
            state.traced.append(Traced(points: points))
            return UInt32(state.traced.count - 1)
        }
    }

    func complete(_ index: UInt32, points: [LibraryReference], links: [BPFLink]) {
        state.withLock { state in
            state.traced[Int(index)] = Traced(points: points, links: links)
            state.libraries += Set(points.map(\.kind)).count
        }
    }

    func reference(cookie: UInt64) -> LibraryReference? {
        let cookie = Cookie(rawValue: cookie)
        return state.withLock { state in
            guard cookie.file < state.traced.count, cookie.point < state.traced[cookie.file].points.count else {
                return nil
            }
            return state.traced[cookie.file].points[cookie.point]
        }
    }

    /// Probed libraries and files.
    var counts: (libraries: Int, files: Int) {
        state.withLock { state in (state.libraries, state.traced.count { !$0.links.isEmpty }) }
    }

    /// Gives all links away, for closing.
    func takeLinks() -> [BPFLink] {
        state.withLock { state in
            let links = state.traced.flatMap(\.links)
            for index in state.traced.indices { state.traced[index].links = [] }
            return links
        }
    }
}

/// The attach cookie: which rule the program applies, and which place of which file it was.
struct Cookie {
    let rawValue: UInt64

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    init(file: UInt32, point: Int, rule: Int) {
        rawValue = UInt64(file) << 32 | UInt64(point) << 8 | UInt64(rule)
    }

    var file: Int { Int(rawValue >> 32) }
    var point: Int { Int(rawValue >> 8 & 0xff_ffff) }
}

/// What came of looking into a file.
enum ProbeOutcome: Sendable {
    case noLibrary
    /// `detail` says what is probed and where; nil for a file that was probed before.
    case traced(detail: String?)
    /// It holds a TLS library that can't be probed; a sentence, nil where it was said before.
    case refused(String?)
    case unreadable(SystemError)
    /// Nobody maps it any more.
    case vanished
    /// Another thread is at it.
    case pending

    /// The same, for a file that the user was told about.
    var withoutWords: ProbeOutcome {
        if case .refused = self { .refused(nil) } else { self }
    }

    var isTraced: Bool {
        if case .traced = self { true } else { false }
    }
}
