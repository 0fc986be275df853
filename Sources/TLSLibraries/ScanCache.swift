internal import LibLZMA
public import OS
internal import Synchronization

/// Results of looking into files, kept on disk from one run to the next, so that a large file is searched once.
///
/// What a wrong result would do: a probe at a place that is no function, which corrupts the program. So the folder and
/// all in it must be this user's alone (`PrivateFolder`), a result is tied to one file in one state (`FileState`), and
/// damage is found by a checksum. Whoever takes a place from here still checks it against the file, as a symbol's.
public final class ScanCache: Sendable {
    private struct State {
        /// How many files the folder holds; nil before they were counted.
        var count: Int?
        /// False after a failure: it was told, and the next one would be the same.
        var isWritable = true
    }

    private let folder: PrivateFolder
    private let header: String
    private let entryLimit: Int
    private let state = Mutex(State())

    /// Bytes of a result. Real ones have some hundred.
    public static let valueLimit = 64 << 10
    private static let keyLimit = 1024
    /// A user may choose a folder with other files in it.
    private static let suffix = ".scan"

    public var path: String { folder.path }

    /// - Parameters:
    ///   - path: Of the folder, which is made if it is missing.
    ///   - rules: A checksum of what the results depend on besides the file: results of other rules are not found.
    ///   - entryLimit: Results that are kept; older ones go.
    /// - Throws: `SystemError`: what is wrong with the folder, and what to do.
    public init(path: String, rules: UInt64, entryLimit: Int = 4096) throws(SystemError) {
        folder = try PrivateFolder(path: path)
        // Another program finds other things by the same rules.
        let program = try FileStatus(path: "/proc/self/exe")
        header = "sniscope scan 1\nrules \(rules) \(program.size) \(program.changedAt)\n"
        self.entryLimit = entryLimit
    }

    /// The result for a file; nil where there is none, or it is damaged, or it can't be read.
    public func value(for key: ScanKey) -> [UInt8]? {
        // Whatever is wrong with it, the file is looked into anew, and the result replaces it.
        guard let bytes = try? folder.read(fileName(key), limit: Self.valueLimit + Self.keyLimit) else { return nil }
        return ScanEntry(bytes, header: header, key: key)?.value
    }

    /// Keeps a result. Without room, on a file system that can't be written and the like there is no cache, and all else
    /// goes on.
    /// - Returns: Why results can't be kept, once; nil where it was kept, and after it was told.
    public func store(_ value: [UInt8], for key: ScanKey) -> SystemError? {
        guard value.count <= Self.valueLimit, state.withLock({ $0.isWritable }) else { return nil }
        do throws(SystemError) {
            try folder.replace(fileName(key), with: ScanEntry(value: value).bytes(header: header, key: key))
            try prune()
            return nil
        } catch {
            return state.withLock { state in
                defer { state.isWritable = false }
                return state.isWritable ? error : nil
            }
        }
    }

    private func fileName(_ key: ScanKey) -> String {
        var sum = CRC64()
        sum.add(Array((header + key.text).utf8))
        return String(sum.value, radix: 16) + Self.suffix
    }

    /// Counts a new file, and removes the oldest once there are too many: an eighth, so that this is rare.
    private func prune() throws(SystemError) {
        // Another process may store as well: the count is made anew with each pruning.
        let known = state.withLock { state in
            state.count? += 1
            return state.count
        }
        if let known, known <= entryLimit { return }
        let names = try folder.names().filter {
            $0.hasSuffix(Self.suffix) || $0.hasPrefix(PrivateFolder.temporaryPrefix)
        }
        var count = names.count
        if count > entryLimit {
            var files: [(name: String, changedAt: Int64)] = []
            for name in names {
                if let changedAt = try folder.changeTime(of: name) { files.append((name, changedAt)) }
            }
            files.sort { $0.changedAt < $1.changedAt }
            let surplus = max(files.count - entryLimit, 0) + entryLimit / 8
            for file in files.prefix(surplus) { try folder.remove(file.name) }
            count = files.count - min(surplus, files.count)
        }
        let counted = count
        state.withLock { $0.count = counted }
    }
}

extension ScanCache {
    /// Where results are kept if the user does not choose: root's with the system's caches, others' by the XDG Base
    /// Directory Specification.
    /// - Parameter environment: Gives variables.
    /// - Returns: Nil for a user without a home folder.
    public static func defaultPath(isRoot: Bool, environment: (String) -> String?) -> String? {
        if isRoot { return "/var/cache/sniscope" }
        // The specification: paths that are not absolute don't count.
        if let caches = environment("XDG_CACHE_HOME"), caches.hasPrefix("/") { return caches + "/sniscope" }
        guard let home = environment("HOME"), home.hasPrefix("/") else { return nil }
        return home + "/.cache/sniscope"
    }
}
