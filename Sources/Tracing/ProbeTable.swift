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
        var watch: ModificationMonitor.Watch?
        var points: [LibraryReference]
        var links: [BPFLink] = []
        /// Who pays for the descriptors of the links.
        let owner: WorkOwner
        let descriptors: Int
    }

    /// A file looked into before, and the state in which it was.
    private struct Known {
        let changedAt: Int64
        var isFinished = false
        var outcome: ProbeOutcome?
    }

    /// A file whose links are being closed. For as long as the kernel has a probe it has the instruction that it read
    /// there: if the file is another by now, it is not to be probed again before.
    private struct Closing {
        var batches = 0
        var watch: ModificationMonitor.Watch?
        var isModified = false
    }

    private struct State {
        var traced: [UInt32: Traced] = [:]
        var nextFile: UInt32 = 0
        var known: [InodeIdentity: Known] = [:]
        var closing: [InodeIdentity: Closing] = [:]
        /// Files that were modified while they were probed, and when that was noticed.
        var modified: [InodeIdentity: Int64] = [:]
        /// What the cookies of released files mean: the ring buffer may still hold their last events.
        var released: [(file: UInt32, points: [LibraryReference], at: Int64)] = []
        var shares: DescriptorShares

        /// Containers come and go with files of their own: those without a library are not remembered for ever.
        mutating func forgetIfMany() {
            guard known.count >= 1 << 16 else { return }
            known = known.filter { !$0.value.isFinished || $0.value.outcome?.isTraced == true }
        }
    }

    /// nil where the kernel tells of no modification.
    let monitor: ModificationMonitor?
    private let state: Mutex<State>

    /// - Parameter descriptorLimit: Of this process.
    init(monitor: ModificationMonitor?, descriptorLimit: Int = Host.descriptorLimit) {
        self.monitor = monitor
        state = Mutex(State(shares: DescriptorShares(limit: descriptorLimit)))
    }

    /// Whether the caller is to look into a file: only one thread may, or a file would be probed twice.
    /// - Returns: nil where it is; else what came of it, `pending` while another thread is at it.
    func claim(_ file: InodeIdentity, _ depth: FileProber.Depth, changedAt: Int64) -> ProbeOutcome? {
        state.withLock { state in
            if state.closing[file]?.isModified == true { return .changing }
            // Whoever wrote to it may write on.
            if state.modified[file] != nil, 0..<Self.settling ~= Clock.realtime - changedAt { return .changing }
            if let known = state.known[file] {
                if !known.isFinished { return .pending }
                // A probed inode is held by its probe; any other may be a new file under an old number.
                if let outcome = known.outcome, outcome.isTraced || known.changedAt == changedAt,
                    outcome.isEnough(for: depth)
                {
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
            // What one owner has no room for, another one may.
            if outcome.isChanging || outcome.isAvoided || outcome.isCrowded {
                state.known[file] = nil
                return
            }
            state.known[file]?.isFinished = true
            // Paths have up to 4 KB, and files are remembered in thousands.
            state.known[file]?.outcome = outcome.withoutWords
        }
    }

    /// Registers a file before it is probed, so that its first event finds its meaning.
    /// - Parameter descriptors: How many its links will hold, out of its owner's share.
    /// - Returns: The file's half of the cookie.
    /// - Throws: `OwnersLimit` where the share is used up.
    func register(
        _ points: [LibraryReference], _ identity: InodeIdentity, _ status: FileStatus, owner: WorkOwner = .host,
        descriptors: Int = 1
    ) throws(OwnersLimit) -> UInt32 {
        try state.withLock { state throws(OwnersLimit) in
            try state.shares.take(descriptors, for: owner)
            let file = state.nextFile
            state.nextFile += 1
            state.traced[file] = Traced(
                identity: identity, status: status, points: points, owner: owner, descriptors: descriptors)
            return file
        }
    }

    /// Has a registered file watched from here on.
    /// - Throws: `SystemError` where it can't be.
    func watch(_ index: UInt32, _ file: RegularFile) throws(SystemError) {
        // Once it is registered: `closed` removes no watch of a registered file.
        guard let watch = try monitor?.watch(file) else { return }
        state.withLock { $0.traced[index]?.watch = watch }
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

    /// Forgets a registered file that was not probed.
    func unregister(_ file: UInt32, _ identity: InodeIdentity) {
        state.withLock { state in
            guard let traced = state.traced.removeValue(forKey: file) else {
                // It was modified meanwhile.
                finishClosing(identity, &state)
                return
            }
            state.shares.giveBack(traced.descriptors, of: traced.owner)
            if state.closing[identity] == nil { stopWatching(traced.watch) }
        }
    }

    /// Links that are to be closed.
    struct Released: Sendable {
        let identity: InodeIdentity
        let links: [BPFLink]
    }

    /// Forgets a file that nobody uses; when it is mapped again it is looked into again.
    /// - Returns: What is to be detached; `closed` tells when it is.
    func release(_ file: UInt32) -> Released? {
        state.withLock { state in
            forget(file, &state).map { Released(identity: $0.identity, links: $0.links) }
        }
    }

    /// As `release` of a file's number; nil where it is not probed.
    func release(_ identity: InodeIdentity) -> (file: UInt32, path: String?, Released)? {
        state.withLock { state in
            guard
                let file = state.traced.first(where: { $0.value.identity == identity && !$0.value.links.isEmpty })?.key,
                let traced = forget(file, &state)
            else { return nil }
            return (file, traced.points.first?.path, Released(identity: traced.identity, links: traced.links))
        }
    }

    /// The links of a released file are closed.
    func closed(_ file: InodeIdentity) {
        state.withLock { finishClosing(file, &$0) }
    }

    private func finishClosing(_ file: InodeIdentity, _ state: inout State) {
        guard let closing = state.closing[file] else { return }
        guard closing.batches <= 1 else {
            state.closing[file]?.batches -= 1
            return
        }
        state.closing[file] = nil
        // It may be probed again by now.
        if !state.traced.values.contains(where: { $0.identity == file }) { stopWatching(closing.watch) }
    }

    /// A file that was modified while it was probed, or about to be.
    struct Modified: Sendable {
        let file: UInt32
        /// As processes see it.
        let path: String
        /// nil: the thread that is probing it detaches it.
        let released: Released?
    }

    /// Forgets files whose content is another by now.
    func modified(_ report: ModificationMonitor.Report) -> [Modified] {
        func isMeant(_ watch: ModificationMonitor.Watch?) -> Bool {
            switch report {
            case .modified(let modified): watch == modified
            case .overflow: watch != nil
            }
        }
        let now = Clock.monotonic
        return state.withLock { state in
            state.modified = state.modified.filter { now - $0.value < Self.memoryOfReleased }
            let files = state.traced.filter { isMeant($0.value.watch) }.keys
            let modified = files.compactMap { file -> Modified? in
                guard let traced = forget(file, &state) else { return nil }
                let released = Released(identity: traced.identity, links: traced.links)
                return Modified(
                    file: file, path: traced.points.first?.path ?? "",
                    released: traced.links.isEmpty ? nil : released)
            }
            for (file, closing) in state.closing where isMeant(closing.watch) {
                state.closing[file]?.isModified = true
                state.modified[file] = now
            }
            return modified
        }
    }

    private func forget(_ file: UInt32, _ state: inout State) -> Traced? {
        guard let traced = state.traced.removeValue(forKey: file) else { return nil }
        state.known[traced.identity] = nil
        state.shares.giveBack(traced.descriptors, of: traced.owner)
        // Watched until its links are closed.
        state.closing[traced.identity, default: Closing()].batches += 1
        state.closing[traced.identity]?.watch = traced.watch
        let now = Clock.monotonic
        state.released.removeAll { now - $0.at > Self.memoryOfReleased }
        if state.released.count >= Self.mostReleased { state.released.removeFirst(Self.mostReleased / 2) }
        state.released.append((file, traced.points, now))
        return traced
    }

    private func stopWatching(_ watch: ModificationMonitor.Watch?) {
        if let watch { monitor?.remove(watch) }
    }

    /// Nanoseconds.
    private static let memoryOfReleased: Int64 = 60_000_000_000
    /// More than the kernel detaches in a second.
    private static let mostReleased = 1 << 13
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
                stopWatching(state.traced[file]?.watch)
                state.traced[file]?.links = []
            }
            return links
        }
    }
}
