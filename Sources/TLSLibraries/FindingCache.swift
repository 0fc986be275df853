internal import ELFImage
internal import FoundationEssentials
internal import LibLZMA
public import OS
internal import Synchronization

/// What was found in files, kept from one run to the next.
public final class FindingCache: Sendable {
    /// Device and inode of a file below an overlay, by the kernel's own numbers; nil where the kernel does not say.
    public typealias IdentityBelow = @Sendable (RegularFile) -> (device: UInt64, inode: UInt64)?

    private let entries: ScanCache
    private let identityBelow: IdentityBelow
    private let failure = Mutex<SystemError?>(nil)

    /// - Parameters:
    ///   - path: Of the folder, which is made if it is missing.
    ///   - catalog: What is looked for: with another one, other things are found.
    /// - Throws: `SystemError`: what is wrong with the folder, and what to do.
    public init(
        path: String, catalog: LibraryCatalog, identityBelow: @escaping IdentityBelow
    ) throws(SystemError) {
        var sum = CRC64()
        for description in catalog.descriptions { sum.add(Array("\(description.checksum) ".utf8)) }
        entries = try ScanCache(path: path, rules: sum.value)
        self.identityBelow = identityBelow
    }

    /// Why results can't be kept, once; a full disk is no reason not to trace.
    public func takeFailure() -> SystemError? {
        failure.withLock { failure in
            defer { failure = nil }
            return failure
        }
    }

    /// What is known of the file, or else what `search` finds.
    /// - Parameter debugFiles: The files of debug information that there are for it: they may come and go while it stays.
    func findings(
        in image: ELFImage, _ debugFiles: [any ByteSource], search: () throws -> [LibraryFinding]
    ) throws -> [LibraryFinding] {
        let states = ([image.source] + debugFiles).compactMap { $0 as? RegularFile ?? ($0 as? BudgetedFile)?.file }
            .compactMap {
                file in
                FileState(of: file, below: identityBelow(file))
            }
        guard states.count == 1 + debugFiles.count else { return try search() }
        let key = try ScanKey(of: image, states: states)
        if let value = entries.value(for: key),
            let known = try? JSONDecoder().decode([LibraryFinding].self, from: Data(value))
        {
            return known
        }
        let findings = try search()
        if let value = try? JSONEncoder().encode(findings), value.count <= ScanCache.valueLimit,
            let problem = entries.store(Array(value), for: key)
        {
            failure.withLock { $0 = problem }
        }
        return findings
    }
}
