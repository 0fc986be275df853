internal import LibBPF
internal import OS
internal import Synchronization

/// What is known of the files that were looked into, shared by the threads that do so and the event loop.
final class ProbeTable: Sendable {
    /// A probed file: what its cookies mean, and the links that keep it probed.
    private struct Traced {
        let identity: InodeIdentity
        /// As it was when it was looked into.
        let status: FileStatus
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
        var traced: [UInt32: Traced] = [:]
        var nextFile: UInt32 = 0
        var known: [InodeIdentity: Known] = [:]
        /// What the cookies of released files mean: the ring buffer may still hold their last events.
        var released: [(file: UInt32, points: [LibraryReference], at: Int64)] = []

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
                if let outcome = known.outcome, outcome.isTraced || known.changedAt == changedAt {
                    return outcome.withoutWords
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
    func register(_ points: [LibraryReference], _ identity: InodeIdentity, _ status: FileStatus) -> UInt32 {
        state.withLock { state in
            let file = state.nextFile
            state.nextFile += 1
            state.traced[file] = Traced(identity: identity, status: status, points: points)
            return file
        }
    }

    func complete(_ file: UInt32, points: [LibraryReference], links: [BPFLink]) {
        state.withLock { state in
            state.traced[file]?.points = points
            state.traced[file]?.links = links
        }
    }

    /// Forgets a file that could not be probed.
    func unregister(_ file: UInt32) {
        state.withLock { _ = $0.traced.removeValue(forKey: file) }
    }

    /// Forgets a file that nobody uses; when it is mapped again it is looked into again.
    /// - Returns: What is to be detached.
    func release(_ file: UInt32) -> [BPFLink] {
        state.withLock { state in
            guard let traced = state.traced.removeValue(forKey: file) else { return [] }
            state.known[traced.identity] = nil
            let now = Clock.monotonic
            state.released.removeAll { now - $0.at > Self.memoryOfReleased }
            state.released.append((file, traced.points, now))
            return traced.links
        }
    }

    /// Nanoseconds.
    private static let memoryOfReleased: Int64 = 60_000_000_000

    /// The state of a probed file when it was looked into.
    func status(of file: UInt32) -> FileStatus? {
        state.withLock { $0.traced[file]?.status }
    }

    func reference(cookie: UInt64) -> LibraryReference? {
        let cookie = Cookie(rawValue: cookie)
        return state.withLock { state in
            let points =
                state.traced[cookie.file]?.points ?? state.released.last { $0.file == cookie.file }?.points ?? []
            return cookie.point < points.count ? points[cookie.point] : nil
        }
    }

    /// Probed libraries and files.
    var counts: (libraries: Int, files: Int) {
        state.withLock { state in
            let probed = state.traced.values.filter { !$0.links.isEmpty }
            return (probed.reduce(0) { $0 + Set($1.points.map(\.kind)).count }, probed.count)
        }
    }

    /// Gives all links away, for closing.
    func takeLinks() -> [BPFLink] {
        state.withLock { state in
            let links = state.traced.values.flatMap(\.links)
            for file in state.traced.keys { state.traced[file]?.links = [] }
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

    var file: UInt32 { UInt32(rawValue >> 32) }
    var point: Int { Int(rawValue >> 8 & 0xff_ffff) }
}

/// A file with probes in it.
struct ProbedFile: Sendable, Hashable {
    /// In the table; the file's half of its cookies.
    let number: UInt32
    /// When its probes were in place; CLOCK_MONOTONIC, nanoseconds.
    let since: Int64
}

/// What came of looking into a file.
enum ProbeOutcome: Sendable {
    case noLibrary
    /// `detail` says what is probed and where; nil for a file that was probed before.
    case traced(ProbedFile, detail: String?)
    /// It holds a TLS library that can't be probed; a sentence, nil where it was said before.
    case refused(String?)
    case unreadable(SystemError)
    /// Nobody maps it any more.
    case vanished
    /// Another thread is at it.
    case pending

    /// The same, for a file that the user was told about.
    var withoutWords: ProbeOutcome {
        switch self {
        case .refused: .refused(nil)
        case .traced(let file, _): .traced(file, detail: nil)
        default: self
        }
    }

    var isTraced: Bool {
        if case .traced = self { true } else { false }
    }
}
