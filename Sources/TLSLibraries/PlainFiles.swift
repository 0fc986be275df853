public import OS
internal import Synchronization

/// Files whose own symbols tell of no TLS library, each in one state (`FileState`). Most that are looked into at a start
/// are such, and the same ones as at the start before.
public final class PlainFiles: Sendable {
    private struct State {
        var known: [FileState: Bool] = [:]
        var isChanged = false
    }

    /// As many as fit into a cached result.
    private static let most = ScanCache.valueLimit / FileState.size

    private let entries: ScanCache
    private let key = ScanKey(name: "plain files")
    /// What is known, and whether it was asked for: of what was not, the file may be gone.
    private let state: Mutex<State>

    init(_ entries: ScanCache) {
        self.entries = entries
        let known = FileState.unpack(entries.value(for: key) ?? [])
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
        return files.flatMap { entries.store(FileState.pack($0), for: key) }
    }
}

extension FileState {
    /// Bytes of a packed one.
    static let size = 24

    /// Of a file on a file system whose numbers are the kernel's, and no overlay.
    fileprivate init?(of file: RegularFile) {
        self.init(of: file, below: nil)
    }

    static func pack(_ states: [FileState]) -> [UInt8] {
        states.flatMap { state in
            [state.device, state.inode, UInt64(bitPattern: state.changedAt)].flatMap { number in
                (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
            }
        }
    }

    static func unpack(_ bytes: [UInt8]) -> [FileState] {
        guard bytes.count.isMultiple(of: size) else { return [] }
        return stride(from: 0, to: bytes.count, by: size).map { start in
            func number(_ index: Int) -> UInt64 {
                bytes[(start + 8 * index)..<(start + 8 * index + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            return FileState(device: number(0), inode: number(1), changedAt: Int64(bitPattern: number(2)))
        }
    }
}
