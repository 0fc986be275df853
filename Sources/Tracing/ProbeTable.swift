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
        /// nil: nobody tells when it changes.
        let watch: ModificationMonitor.Watch?
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
        /// Files whose links are being closed. While the kernel has a probe it has the instruction that stood there: the
        /// file is not to be probed again before.
        var closing: Set<InodeIdentity> = []
        /// Files that were modified while they were probed, and when that was noticed.
        var modified: [InodeIdentity: Int64] = [:]
        /// What the cookies of released files mean: the ring buffer may still hold their last events.
        var released: [(file: UInt32, points: [LibraryReference], at: Int64)] = []

        /// Containers come and go with files of their own: those without a library are not remembered for ever.
        mutating func forgetIfMany() {
            guard known.count >= 1 << 16 else { return }
            known = known.filter { !$0.value.isFinished || $0.value.outcome?.isTraced == true }
        }
    }

    /// nil where the kernel tells of no modification.
    let monitor: ModificationMonitor?
    private let state = Mutex(State())

    init(monitor: ModificationMonitor?) {
        self.monitor = monitor
    }

    /// Whether the caller is to look into a file: only one thread may, or a file would be probed twice.
    /// - Returns: nil where it is; else what came of it, `pending` while another thread is at it.
    func claim(_ file: InodeIdentity, changedAt: Int64) -> ProbeOutcome? {
        state.withLock { state in
            if state.closing.contains(file) { return .changing }
            // Whoever wrote to it may write on.
            if state.modified[file] != nil, 0..<Self.settling ~= Clock.realtime - changedAt { return .changing }
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
            if case .changing = outcome {
                state.known[file] = nil
                return
            }
            state.known[file]?.isFinished = true
            state.known[file]?.outcome = outcome
        }
    }

    /// Registers a file before it is probed, so that its first event finds its meaning.
    /// - Returns: The file's half of the cookie.
    func register(
        _ points: [LibraryReference], _ identity: InodeIdentity, _ status: FileStatus,
        _ watch: ModificationMonitor.Watch?
    ) -> UInt32 {
        state.withLock { state in
            let file = state.nextFile
            state.nextFile += 1
            state.traced[file] = Traced(identity: identity, status: status, watch: watch, points: points)
            return file
        }
    }

    /// Keeps the links of a registered file.
    /// - Returns: false where it was modified meanwhile: the links are to be closed, and `closed` called.
    func complete(_ file: UInt32, links: [BPFLink]) -> Bool {
        state.withLock { state in
            guard state.traced[file] != nil else { return false }
            state.traced[file]?.links = links
            return true
        }
    }

    /// Tells more of a file's places than was known when it was registered.
    func describe(_ file: UInt32, _ points: [LibraryReference]) {
        state.withLock { $0.traced[file]?.points = points }
    }

    /// Forgets a registered file that could not be probed.
    func unregister(_ file: UInt32, _ identity: InodeIdentity) {
        state.withLock { state in
            if let traced = state.traced.removeValue(forKey: file) {
                stopWatching(traced)
            } else {
                // It was modified meanwhile.
                state.closing.remove(identity)
            }
        }
    }

    /// Links that are to be closed, of a file that is not probed again before they are.
    struct Released {
        let identity: InodeIdentity
        let links: [BPFLink]
    }

    /// Forgets a file that nobody uses; when it is mapped again it is looked into again.
    /// - Returns: What is to be detached.
    func release(_ file: UInt32) -> Released? {
        state.withLock { state in forget(file, &state).map { Released(identity: $0.identity, links: $0.links) } }
    }

    /// Says that the links of a released file are closed.
    func closed(_ file: InodeIdentity) {
        state.withLock { _ = $0.closing.remove(file) }
    }

    /// A file that was modified while it was probed, or about to be.
    struct Modified {
        let file: UInt32
        /// As processes see it.
        let path: String
        /// nil: the thread that is probing it detaches it.
        let released: Released?
    }

    /// Forgets a file whose content is another by now.
    func modified(_ report: ModificationMonitor.Report) -> [Modified] {
        let now = Clock.monotonic
        return state.withLock { state in
            let files = state.traced.filter { _, traced in
                switch report {
                case .modified(let watch): traced.watch == watch
                case .overflow: traced.watch != nil
                }
            }
            return files.compactMap { file, _ in
                guard let traced = forget(file, &state) else { return nil }
                state.modified = state.modified.filter { now - $0.value < Self.memoryOfReleased }
                state.modified[traced.identity] = now
                return Modified(
                    file: file, path: traced.points.first?.path ?? "",
                    released: traced.links.isEmpty
                        ? nil : Released(identity: traced.identity, links: traced.links))
            }
        }
    }

    private func forget(_ file: UInt32, _ state: inout sending State) -> Traced? {
        guard let traced = state.traced.removeValue(forKey: file) else { return nil }
        stopWatching(traced)
        state.known[traced.identity] = nil
        state.closing.insert(traced.identity)
        let now = Clock.monotonic
        state.released.removeAll { now - $0.at > Self.memoryOfReleased }
        state.released.append((file, traced.points, now))
        return traced
    }

    private func stopWatching(_ traced: Traced) {
        if let watch = traced.watch { monitor?.remove(watch) }
    }

    /// Nanoseconds.
    private static let memoryOfReleased: Int64 = 60_000_000_000
    /// How long a modified file must not have changed before it is probed again; nanoseconds.
    private static let settling: Int64 = 200_000_000

    func isProbed(_ file: UInt32) -> Bool {
        state.withLock { $0.traced[file] != nil }
    }

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
            for file in state.traced.keys {
                state.traced[file].map(stopWatching)
                state.traced[file]?.links = []
            }
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
    /// It was modified just now; to be looked into again some time later.
    case changing

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
