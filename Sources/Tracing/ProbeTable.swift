internal import LibBPF
internal import OS
internal import Processes
internal import Synchronization

/// What a file has at a place that is probed.
struct ProbedCode: Sendable {
    let offset: UInt64
    /// 16, unless the file ends before.
    let bytes: [UInt8]

    init(_ file: RegularFile, at offset: UInt64) {
        self.offset = offset
        bytes = (try? file.read(at: offset, count: TrapRecord.codeLength)) ?? []
    }
}

/// What is known of the files that were looked into, shared by the threads that do so and the event loop.
final class ProbeTable: Sendable {
    /// A probed file: what its cookies mean, and the links that keep it probed.
    private struct Traced {
        let identity: InodeIdentity
        /// As it was when it was looked into.
        let status: FileStatus
        /// nil: nobody tells when it changes.
        var watch: ModificationMonitor.Watch?
        /// nil: it can't be asked for its size.
        var handle: ModificationMonitor.Handle?
        var points: [LibraryReference]
        /// What the file has at each of them.
        let code: [ProbedCode]
        /// Since when it is cut off before one of them; CLOCK_MONOTONIC, nanoseconds.
        var cutAt: Int64?
        var links: [BPFLink] = []
        /// Who pays for the descriptors of the links.
        let owner: WorkOwner
        let descriptors: Int

        /// Whether it is cut off before one of its places, as far as it can be asked.
        var isCut: Bool {
            guard let size = handle?.size else { return false }
            return code.contains { $0.offset >= size }
        }
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
        var released: [(file: UInt32, points: [LibraryReference], code: [ProbedCode], at: Int64)] = []
        /// What the kernel may have kept of probes that it could not take out, of files that were cut off.
        var stale: [InodeIdentity: [ProbedCode]] = [:]
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
            if state.modified[file] != nil, Self.isRecent(changedAt) { return .changing }
            if let known = state.known[file] {
                if !known.isFinished { return .pending }
                // A probed inode is held by its probe; any other may be a new file under an old number.
                if let outcome = known.outcome, outcome.isTraced || known.changedAt == changedAt,
                    outcome.isEnough(for: depth), !outcome.isUnwanted
                {
                    return outcome.withoutWords
                }
            }
            state.forgetIfMany()
            state.known[file] = Known(changedAt: changedAt)
            return nil
        }
    }

    /// Whether a file that was changed then may still be written to. A time in the future says nothing.
    static func isRecent(_ changedAt: Int64) -> Bool {
        let now = Clock.realtime
        return changedAt > now - settling && changedAt <= now
    }

    /// Whether a file in this state has a TLS library, and was not probed because nobody is wanted who maps it.
    func isUnwanted(_ file: InodeIdentity, changedAt: Int64) -> Bool {
        state.withLock { state in
            guard let known = state.known[file], known.isFinished, known.changedAt == changedAt else { return false }
            return known.outcome?.isUnwanted == true
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
        _ points: [LibraryReference], code: [ProbedCode], _ identity: InodeIdentity, _ status: FileStatus,
        owner: WorkOwner = .host, descriptors: Int = 1
    ) throws(OwnersLimit) -> UInt32 {
        try state.withLock { state throws(OwnersLimit) in
            try state.shares.take(descriptors, for: owner)
            let file = Self.free(from: state.nextFile) { file in
                state.traced[file] != nil || state.released.contains { $0.file == file }
            }
            state.nextFile = file &+ 1
            state.traced[file] = Traced(
                identity: identity, status: status, points: points, code: code, owner: owner, descriptors: descriptors)
            return file
        }
    }

    /// The first number from `first` on that no cookie has: a long trace may come to its own first ones again.
    static func free(from first: UInt32, isUsed: (UInt32) -> Bool) -> UInt32 {
        var number = first
        while isUsed(number) { number &+= 1 }
        return number
    }

    /// Has a registered file watched from here on.
    /// - Throws: `SystemError` where it can't be.
    func watch(_ index: UInt32, _ file: RegularFile) throws(SystemError) {
        // Once it is registered: `closed` removes no watch of a registered file.
        guard let watch = try monitor?.watch(file) else { return }
        let handle = ModificationMonitor.Handle(file)
        state.withLock { state in
            state.traced[index]?.watch = watch
            state.traced[index]?.handle = handle
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
                awaitsContent(file, &state) ? nil : self.modified(file, &state)
            }
            for (file, closing) in state.closing where isMeant(closing.watch) {
                state.closing[file]?.isModified = true
                state.modified[file] = now
            }
            return modified
        }
    }

    private func modified(_ file: UInt32, _ state: inout State) -> Modified? {
        guard let traced = forget(file, &state) else { return nil }
        if traced.isCut {
            if state.stale.count >= Self.mostStale { state.stale.removeAll() }
            state.stale[traced.identity, default: []] += traced.code
        }
        let released = Released(identity: traced.identity, links: traced.links)
        return Modified(
            file: file, path: traced.points.first?.path ?? "", released: traced.links.isEmpty ? nil : released)
    }

    /// Whether a file was cut off before one of its places, as by whoever is about to write another into it. A page that is
    /// not there keeps the kernel from taking the breakpoint out ("failed to unregister, leaking uprobe"): it would hold
    /// the probe for good, with the instruction of before, for any later one at this place. As long as there is no
    /// content, nobody can run it; the first that is written is reported.
    private func awaitsContent(_ file: UInt32, _ state: inout State) -> Bool {
        guard let traced = state.traced[file], traced.isCut, let handle = traced.handle,
            let watch = try? monitor?.watch(handle)
        else { return false }
        state.traced[file]?.watch = watch
        state.traced[file]?.cutAt = traced.cutAt ?? Clock.monotonic
        // It may have been written to before it was watched again.
        return traced.isCut
    }

    /// Forgets files that were cut off and stay so, whatever the kernel keeps of them.
    func takeCut() -> [Modified] {
        let due = Clock.monotonic - Self.patienceWithCut
        return state.withLock { state in
            state.traced.filter { $0.value.cutAt.map { $0 < due } ?? false }.keys.compactMap { modified($0, &state) }
        }
    }

    /// Whether a file has another instruction now at a place where the kernel may still have a probe of before: it would
    /// be run instead.
    func isStale(_ file: InodeIdentity, _ code: [ProbedCode]) -> Bool {
        state.withLock { state in
            let kept = state.stale[file] ?? []
            return code.contains { new in kept.contains { $0.offset == new.offset && $0.bytes != new.bytes } }
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
        state.released.append((file, traced.points, traced.code, now))
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
    /// How long a file that was cut off may stay so; nanoseconds.
    private static let patienceWithCut: Int64 = 1_000_000_000
    private static let mostStale = 4096

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

    /// The file from which code with a probe's breakpoint was copied.
    /// - Parameter copy: From the breakpoint on.
    func origin(ofCopy copy: [UInt8]) -> String? {
        state.withLock { state in
            let files = state.traced.values.map { ($0.points, $0.code) } + state.released.map { ($0.points, $0.code) }
            return files.first { $0.1.contains { MappedCode.isCopy(copy, of: $0.bytes) } }?.0.first?.path
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
