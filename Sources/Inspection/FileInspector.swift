public import OS
public import TLSLibraries

/// Looks into files in a process that has no rights and that a hostile file may crash: it costs that file alone.
public final class FileInspector: Sendable {
    public typealias Opener = (String) -> RegularFile?

    public let catalog: LibraryCatalog
    private let cache: FindingCache?
    private let shared: InspectorProcess

    /// - Parameters:
    ///   - cache: What was found in files before.
    ///   - process: Which has the same catalog; nil: one is made.
    public init(
        catalog: LibraryCatalog, cache: FindingCache?, process: InspectorProcess? = nil
    ) throws(SystemError) {
        self.catalog = catalog
        self.cache = cache
        if let process { shared = process } else { shared = try InspectorProcess(catalog) }
        try shared.supervise(replacing: true)
    }

    /// Closes what was opened for many files at a time. To be called now and then; does not wait.
    public func closeIdle() { shared.closeIdle() }

    /// What a first look found in a file.
    public struct FirstLook: Sendable {
        public let report: FileReport
        /// Whether it is all that there is to find: that was known.
        public let isOfAll: Bool
    }

    /// As `Inspector.findLibraries`, as far as it is done in a moment.
    /// - Parameter isHostView: Whether the file was opened as this host sees it, so that its owner counts.
    /// - Throws: `SystemError`, `InspectionError`.
    public func findLibraries(in file: RegularFile, isHostView: Bool) throws -> FileReport {
        try findLibraries(in: file, isHostView, .find).report
    }

    /// As `Inspector.recallLibraries`, as far as it is done in a moment. For when nobody waits.
    public func recallLibraries(in file: RegularFile, path: String, isHostView: Bool) throws -> FirstLook {
        try findLibraries(in: file, isHostView, .recall(path: path))
    }

    private func findLibraries(
        in file: RegularFile, _ isHostView: Bool, _ request: InspectionRequest
    ) throws -> FirstLook {
        let plainFiles = isHostView && file.isOwn ? cache?.plainFiles : nil
        // Nearly all at a start are such.
        if plainFiles?.contains(file) == true {
            return FirstLook(report: FileReport(empty: Host.machine), isOfAll: false)
        }
        let look =
            switch try ask(request, file, { _ in nil }) {
            case .report(let report): FirstLook(report: report, isOfAll: false)
            case .recalled(let report): FirstLook(report: report, isOfAll: true)
            default: throw InspectionError.unexpectedAnswer
            }
        if look.report == FileReport(empty: Host.machine), !look.isOfAll { plainFiles?.add(file) }
        return look
    }

    /// What the file tells the loader.
    /// - Throws: `SystemError`, `InspectionError`.
    public func loaderFacts(of file: RegularFile) throws -> LoaderFacts {
        guard case .loaderFacts(let facts) = try ask(.loaderFacts, file, { _ in nil }) else {
            throw InspectionError.unexpectedAnswer
        }
        return facts
    }

    /// As `Inspector.searchLibraries`. Files of debug information are opened in this process's own view.
    /// - Parameter isBrief: Whether it is given up where it takes longer than a moment.
    /// - Throws: `SystemError`, `InspectionError`.
    public func searchLibraries(in file: RegularFile, path: String, isBrief: Bool = false) throws -> FileReport {
        guard case .report(let report) = try ask(.search(path: path, isBrief: isBrief), file, { _ in nil }) else {
            throw InspectionError.unexpectedAnswer
        }
        return report
    }

    /// As `Inspector.inspect`.
    /// - Throws: `SystemError`, `InspectionError`.
    public func inspect(_ file: RegularFile, path: String, openNeeded: @escaping Opener) throws -> FileReport {
        let report = try searchLibraries(in: file, path: path)
        return report.with(
            libraries: try report.libraries.map {
                $0.with(version: try $0.version ?? version(of: $0.kind, in: file, openNeeded: openNeeded))
            })
    }

    /// As `Inspector.version`.
    /// - Parameter isBrief: Whether it is given up where it takes longer than a moment.
    /// - Throws: `SystemError`, `InspectionError`.
    public func version(
        of kind: String, in file: RegularFile, isBrief: Bool = false, openNeeded: @escaping Opener
    ) throws -> String? {
        guard catalog.descriptions.contains(where: { $0.kind == kind && $0.version != nil }) else { return nil }
        guard case .version(let version) = try ask(.version(kind: kind, isBrief: isBrief), file, openNeeded) else {
            throw InspectionError.unexpectedAnswer
        }
        return version
    }

    private func ask(
        _ request: InspectionRequest, _ file: RegularFile, _ openNeeded: @escaping Opener
    ) throws -> InspectionReply {
        let look = Look(file: file, cache: cache, openNeeded: openNeeded)
        if let answer = try look.ask(request, shared) { return answer }
        // It ended, perhaps by another file that it was looking into: one for this file alone shows.
        let process = try InspectorProcess(catalog)
        try process.supervise(replacing: false)
        defer { process.close() }
        if let answer = try look.ask(request, process) { return answer }
        throw InspectionError.crashed(signal: process.lastSignal)
    }
}

/// One file that is inspected, as this process sees it: it opens what the other one asks for.
private final class Look {
    private let file: RegularFile
    private let cache: FindingCache?
    private let openNeeded: FileInspector.Opener
    private var debugFiles: [RegularFile] = []
    private var entry: CachedFindings?

    /// More than any file needs: one that took the other process over may ask for ever.
    private static let mostQuestions = 256
    /// The places of one file's debug information are four, which are asked for twice.
    private static let mostDebugFiles = 16

    init(file: RegularFile, cache: FindingCache?, openNeeded: @escaping FileInspector.Opener) {
        self.file = file
        self.cache = cache
        self.openNeeded = openNeeded
    }

    private func isPlace(_ debugFile: String, _ request: InspectionRequest) -> Bool {
        switch request {
        case .search(let path, _), .recall(let path):
            DebugFiles.isPlace(debugFile, ofFile: DebugFiles.isPath(path, of: file) ? path : nil)
        case .find, .version, .loaderFacts: false
        }
    }

    /// - Returns: nil where the other process ends instead.
    func ask(_ request: InspectionRequest, _ process: InspectorProcess) throws -> InspectionReply? {
        let connection = try process.connection()
        debugFiles = []
        entry = nil
        return try Threads.waiting(for: connection.thread) { () throws -> InspectionReply? in
            guard (try? connection.socket.send(request.bytes, file: file)) != nil else { return nil }
            var messages = 0
            while let message = try connection.socket.receiveBytes() {
                messages += 1
                guard let reply = InspectionReply(message), messages <= Self.mostQuestions else {
                    throw InspectionError.unexpectedAnswer
                }
                switch reply {
                case .areThere(let paths):
                    guard paths.count <= Self.mostDebugFiles else { throw InspectionError.unexpectedAnswer }
                    let answer = paths.map { isPlace($0, request) && Files.exists($0) ? UInt8(1) : 0 }
                    guard (try? connection.socket.send(answer)) != nil else { return nil }
                case .openDebugFile(let path):
                    var file: RegularFile?
                    if isPlace(path, request) { file = DebugFiles.open(path) as? RegularFile }
                    if let file { debugFiles.append(file) }
                    guard debugFiles.count <= Self.mostDebugFiles else { throw InspectionError.unexpectedAnswer }
                    guard (try? connection.socket.send([0], file: file)) != nil else { return nil }
                case .openNeeded(let name):
                    guard (try? connection.socket.send([0], file: openNeeded(name))) != nil else { return nil }
                case .recall(let contents):
                    entry = cache?.entry(contents, of: [file] + debugFiles)
                    guard (try? connection.socket.send([0] + (entry?.value ?? []))) != nil else { return nil }
                case .keep(let value): entry?.keep(value)
                case .report, .recalled, .version, .loaderFacts:
                    process.giveBack(connection)
                    return reply
                case .failure(let failure):
                    process.giveBack(connection)
                    throw failure.error(file)
                }
            }
            return nil
        }
    }
}

extension InspectionFailure {
    fileprivate func error(_ file: RegularFile) -> any Error {
        switch self {
        case .damaged(let problem): InspectionError.damaged(problem)
        case .overBudget(let problem): InspectionError.overBudget(problem)
        case .unfinished: InspectionError.unfinished
        case .unreadable(let code, let hint): SystemError("read", file.path, code: code, hint: hint)
        }
    }
}

/// Why a file was not inspected, or not to its end. The description is a clause that fits after "cannot inspect PATH: ".
public enum InspectionError: Error, Sendable, CustomStringConvertible {
    /// It is no ELF file, or a damaged one.
    case damaged(String)
    /// A look into it takes too long, or too much is read.
    case overBudget(String)
    /// A brief look at it was not enough.
    case unfinished
    /// The process that inspected it ended, two times.
    case crashed(signal: Int32?)
    /// The process that looked into it does not keep to the rules: it obeys the file.
    case unexpectedAnswer

    public var description: String {
        switch self {
        case .damaged(let problem), .overBudget(let problem): problem
        case .unfinished: "a look into it takes longer than a moment"
        case .crashed(let signal):
            "the process that looked into it ended\(signal.map { " (signal \($0))" } ?? ""), two times: it may be hostile; "
                + "please report it with the file"
        case .unexpectedAnswer: "the process that looked into it gave no answer that can be understood"
        }
    }
}
