import Containers
import LibBPF
import OS
import Rendering
import Tracing

/// Writes what a session reports: rows to the output, the rest to standard error.
struct EventPrinter {
    struct Settings {
        let format: OutputFormat
        let writesHeading: Bool
        let isUnique: Bool
        /// Rows to write before it is done; nil: no limit.
        let count: Int?
        let isQuiet: Bool
        let isVerbose: Bool
        /// Whether nothing that is wanted runs before the session is ready.
        let beginsBeforeCalls: Bool
        /// Asked once for rows of the same origin that follow one another.
        let isOriginWanted: (CallOrigin) -> Bool
        /// nil where every event of an origin that is wanted is.
        let isWanted: ((ServerNameEvent) -> Bool)?
    }

    private let settings: Settings
    private let destination: OutputFile
    private let followsTerminal: Bool
    private var rows: RowWriter<ServerNameEvent>
    private var buffer: [UInt8] = []
    private var cache = RowCache()
    private var lastOrigin: CallOrigin?
    private var isLastOriginWanted = false
    private var seen = SeenOnce()
    private var isForgettingTold = false
    /// Of how many files that can't be traced the user knows.
    private var untracedTold = 0
    private(set) var written = 0
    /// Nothing more is to be written: the count is reached, or nobody reads.
    private(set) var isDone = false

    /// What `--unique` shows once.
    private struct Once: Hashable {
        let container: String?
        let pid: UInt32
        let startTime: UInt64
        let name: String?
    }

    init(settings: Settings, rows: RowWriter<ServerNameEvent>, destination: OutputFile) {
        self.settings = settings
        self.rows = rows
        self.destination = destination
        followsTerminal = settings.format == .columns && destination.isTerminal
    }

    /// Writes a batch at once.
    /// - Throws: `SystemError` where the output can't be written; a closed pipe only ends the work.
    mutating func write(_ batch: [SessionItem]) throws(SystemError) {
        buffer.removeAll(keepingCapacity: true)
        // Asked here, no signal is needed for it: a change shows with the next rows anyway.
        if followsTerminal { rows.fit(terminalWidth: destination.terminalWidth, &cache) }
        for item in batch where !isDone { try add(item) }
        try flush()
    }

    private mutating func add(_ item: SessionItem) throws(SystemError) {
        switch item {
        case .ready(let readiness):
            announce(readiness)
            if settings.format == .columns && settings.writesHeading { rows.appendHeading(to: &buffer) }
            // A script that waits for the heading gets it before the first row.
            try flush()
        case .complete(let readiness):
            announce(readiness)
        case .serverNames(let events):
            for event in events where !isDone { add(event) }
        case .lost(let loss):
            settings.format.append(loss, to: &buffer)
        case .notice(let text):
            ErrorOutput.print(text)
        case .detail(let text):
            if settings.isVerbose { ErrorOutput.print(text) }
        }
    }

    private mutating func add(_ event: ServerNameEvent) {
        guard isWanted(event), !settings.isUnique || isFirst(event) else { return }
        rows.append(event, to: &buffer, &cache)
        written += 1
        if let count = settings.count, written >= count { isDone = true }
    }

    private mutating func announce(_ readiness: Readiness) {
        guard !settings.isQuiet else { return }
        ErrorOutput.print(Self.line(readiness))
        untracedTold = readiness.untraced.count
    }

    private mutating func flush() throws(SystemError) {
        guard !buffer.isEmpty else { return }
        do throws(SystemError) {
            try destination.write(buffer)
        } catch {
            guard error.isClosedPipe else { throw error }
            isDone = true
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func isWanted(_ event: ServerNameEvent) -> Bool {
        if event.origin !== lastOrigin {
            lastOrigin = event.origin
            isLastOriginWanted = settings.isOriginWanted(event.origin)
        }
        return isLastOriginWanted && settings.isWanted?(event) ?? true
    }

    private mutating func isFirst(_ event: ServerNameEvent) -> Bool {
        let isFirst = seen.insert(
            Once(
                container: event.origin.container?.ownID, pid: event.origin.caller.pid,
                startTime: event.origin.caller.startTime, name: event.name))
        if seen.hasForgotten && !isForgettingTold {
            isForgettingTold = true
            ErrorOutput.print(
                "--unique remembers the last \(SeenOnce.most) names of processes; older ones may be shown again")
        }
        return isFirst
    }

    static func line(_ readiness: Readiness) -> String {
        var line =
            "Tracing \(counted(readiness.libraries, "TLS library", "TLS libraries")) in "
            + "\(counted(readiness.files, "file")), \(counted(readiness.processes, "process", "processes")), "
            + counted(readiness.containers, "container")
        if readiness.unreadable > 0 {
            line += "; \(counted(readiness.unreadable, "process", "processes")) can't be looked into"
        }
        if readiness.unfinished > 0 {
            line += "; \(counted(readiness.unfinished, "file")) still to be looked into"
        }
        if let untraced = readiness.untraced.clause { line += "; \(untraced)" }
        return line
    }

    /// The closing line.
    func line(_ summary: SessionSummary) -> String {
        var line = "\(counted(summary.events, "server name")), \(summary.lost.values.reduce(0, +)) lost"
        let reasons = LossReason.allCases.compactMap { reason in
            summary.lost[reason].map { "\($0) \(reason.rawValue)" }
        }
        if !reasons.isEmpty { line += " (\(reasons.joined(separator: ", ")))" }
        if summary.unreadableNames > 0 { line += ", \(summary.unreadableNames) unreadable" }
        let lateness = summary.lateness
        if lateness.attachments > 0 {
            let worst = max(lateness.worst / 1_000_000, 1)
            line += ", \(lateness.attachments) attached after first use (up to \(worst) ms)"
        }
        if lateness.vanishedFiles > 0 {
            line += ", \(counted(lateness.vanishedFiles, "file")) gone before they could be looked into"
        }
        if summary.events != UInt64(written) { line += ", \(written) shown" }
        // Why there may be none, or fewer than expected.
        if written == 0 || summary.untraced.count > untracedTold, let untraced = summary.untraced.clause {
            line += "; \(untraced)"
        }
        if written == 0, !settings.beginsBeforeCalls {
            line += "; connections made before the trace began can't be seen"
        }
        return line
    }
}

extension UntracedFiles {
    /// How many are named.
    private static let most = 3

    /// "TLS that can't be traced in 2 files (Java JSSE in libjvm.so, rustls in deno): see `sniscope list`"; nil for none.
    fileprivate var clause: String? {
        guard count > 0 else { return nil }
        var names = titles.prefix(Self.most).joined(separator: ", ")
        if titles.count > Self.most { names += " and \(titles.count - Self.most) more" }
        return "TLS that can't be traced in \(counted(count, "file")) (\(names)): see `sniscope list`"
    }
}

extension OutputFormat {
    /// How objects are written; columns have none of their own.
    var objectStyle: ObjectStyle {
        switch self {
        case .columns, .json: .json
        case .jsonpretty: .jsonPretty
        case .yaml: .yaml
        }
    }
}

/// "1 file", "2 files".
func counted(_ count: some BinaryInteger, _ singular: String, _ plural: String? = nil) -> String {
    "\(count) \(count == 1 ? singular : plural ?? singular + "s")"
}
