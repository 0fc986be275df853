public import OS
internal import Synchronization

/// Files whose own symbols tell of no TLS library, each in one state (`FileState`). Most that are inspected at a start are
/// such, and the same ones as at the start before.
public final class PlainFiles: Sendable {
    private struct State {
        var known: [FileState: Bool] = [:]
        var isChanged = false
    }

    /// As many as fit into a cached result, with their number.
    private static let most = ScanCache.valueLimit / FileState.packedSize - 1

    private let entries: ScanCache
    private let key = ScanKey(name: "plain files")
    /// What is known, and whether it was asked for: of what was not, the file may be gone.
    private let state: Mutex<State>

    init(_ entries: ScanCache) {
        self.entries = entries
        let known = entries.value(for: key).flatMap { [FileState](packed: $0[...]) } ?? []
        state = Mutex(State(known: Dictionary(known.map { ($0, false) }) { $1 }))
    }

    /// Whether it was added, by this process or one before.
    public func contains(_ file: RegularFile) -> Bool {
        guard let file = FileState(of: file) else { return false }
        return state.withLock { state in
            guard state.known[file] != nil else { return false }
            state.known[file] = true
            return true
        }
    }

    /// To be called for a file that only this user or root can have written.
    public func add(_ file: RegularFile) {
        guard let file = FileState(of: file) else { return }
        state.withLock { state in
            if state.known.count >= Self.most { state.known = state.known.filter(\.value) }
            guard state.known.count < Self.most, state.known.updateValue(true, forKey: file) == nil else { return }
            state.isChanged = true
        }
    }

    /// Keeps them for the next run.
    /// - Returns: Why that can't be done, once.
    func save() -> SystemError? {
        let files = state.withLock { state in
            defer { state.isChanged = false }
            return state.isChanged ? Array(state.known.keys) : nil
        }
        return files.flatMap { entries.store($0.packed, for: key) }
    }
}

extension FileState {
    /// Of a file on a file system whose numbers are the kernel's, and no overlay.
    fileprivate init?(of file: RegularFile) {
        self.init(of: file, below: nil)
    }
}

extension FileState: Packable {
    /// Bytes, at most.
    static let packedSize = 30

    package func pack(into packing: inout Packing) {
        packing.add(device)
        packing.add(inode)
        packing.add(Int(changedAt))
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        self.init(
            device: try unpacking.next(), inode: try unpacking.next(), changedAt: Int64(try unpacking.next(Int.self)))
    }
}
