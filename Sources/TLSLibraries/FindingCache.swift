public import ELFImage
internal import FoundationEssentials
internal import LibLZMA
public import OS
internal import Synchronization

/// What was found in files, kept from one run to the next.
public final class FindingCache: Sendable {
    /// Device and inode of a file below an overlay, by the kernel's own numbers; nil where the kernel does not say.
    public typealias IdentityBelow = @Sendable (RegularFile) -> (device: UInt64, inode: UInt64)?

    public let plainFiles: PlainFiles
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
        plainFiles = PlainFiles(entries)
        self.identityBelow = identityBelow
    }

    /// Keeps what is known of files together; `takeFailure` tells where it can't be kept.
    public func save() {
        note(plainFiles.save())
    }

    private func note(_ problem: SystemError?) {
        guard let problem else { return }
        failure.withLock { $0 = problem }
    }

    /// Why results can't be kept, once; a full disk is no reason not to trace.
    public func takeFailure() -> SystemError? {
        failure.withLock { failure in
            defer { failure = nil }
            return failure
        }
    }

    /// - Parameter files: The file, then its files of debug information: they may come and go while it stays.
    public func entry(_ contents: FileContents, of files: [RegularFile]) -> CachedFindings? {
        let states = files.compactMap { FileState(of: $0, below: identityBelow($0)) }
        guard states.count == files.count else { return nil }
        let key = ScanKey(contents, states: states)
        return CachedFindings(value: entries.value(for: key)) { [self] value in
            guard value.count <= ScanCache.valueLimit else { return }
            note(entries.store(value, for: key))
        }
    }
}

extension FindingCache: FindingStore {
    public func entry(_ contents: FileContents, of sources: [any ByteSource]) -> CachedFindings? {
        let files = sources.compactMap { $0 as? RegularFile ?? ($0 as? BudgetedFile)?.file }
        return files.count == sources.count ? entry(contents, of: files) : nil
    }
}

/// Where it is kept what was found in files.
public protocol FindingStore: Sendable {
    /// - Parameter sources: The file, then its files of debug information.
    /// - Returns: nil where nothing is kept of such files.
    func entry(_ contents: FileContents, of sources: [any ByteSource]) -> CachedFindings?
}

/// What is kept of one file.
public struct CachedFindings {
    /// nil: nothing yet.
    public let value: [UInt8]?
    public let keep: ([UInt8]) -> Void

    public init(value: [UInt8]?, keep: @escaping ([UInt8]) -> Void) {
        self.value = value
        self.keep = keep
    }
}

extension CachedFindings {
    fileprivate var findings: [LibraryFinding]? {
        value.flatMap { try? JSONDecoder().decode([LibraryFinding].self, from: Data($0)) }
    }
}

extension FindingStore {
    /// What is known of the file; nil: nothing.
    func known(in image: ELFImage, _ debugFiles: [any ByteSource]) throws -> [LibraryFinding]? {
        entry(try FileContents(of: image), of: [image.source] + debugFiles)?.findings
    }

    /// What is known of the file, or else what `search` finds.
    func findings(
        in image: ELFImage, _ debugFiles: [any ByteSource], search: () throws -> [LibraryFinding]
    ) throws -> [LibraryFinding] {
        guard let entry = entry(try FileContents(of: image), of: [image.source] + debugFiles) else {
            return try search()
        }
        if let known = entry.findings { return known }
        let findings = try search()
        if let value = try? JSONEncoder().encode(findings) { entry.keep(Array(value)) }
        return findings
    }
}
