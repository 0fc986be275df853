import Containers
import OS
import Rendering
import Tracing

/// Writes containers to standard output, and what is not known of them to standard error.
struct ContainerPrinter: Sendable {
    private let selection: TargetSelection
    private let filter: Filter<ContainerRow>
    private let format: OutputFormat
    private let rows: RowWriter<ContainerRow>
    private var buffer: [UInt8] = []
    /// Nobody reads any more.
    private(set) var isClosed = false

    init(
        selection: TargetSelection, filter: Filter<ContainerRow>, format: OutputFormat,
        rows: RowWriter<ContainerRow>, hasHeading: Bool
    ) {
        self.selection = selection
        self.filter = filter
        self.format = format
        self.rows = rows
        if hasHeading { rows.appendHeading(to: &buffer) }
    }

    /// - Returns: Whether the row is wanted.
    @discardableResult
    mutating func add(_ row: ContainerRow) -> Bool {
        guard selection.matches(row.container), filter.matches(row) else { return false }
        rows.append(row, to: &buffer)
        return true
    }

    /// - Returns: Whether it is a start or a stop that is wanted.
    mutating func add(_ item: ContainerWatchItem) -> Bool {
        switch item {
        case .event(let event):
            return add(
                ContainerRow(
                    container: event.container, event: (event.kind == .start ? .start : .stop, event.timestamp)))
        case .lost(let count, let reason):
            format.appendLoss(count: count, reason, to: &buffer)
        case .notice(let text):
            ErrorOutput.print(text)
        }
        return false
    }

    /// Writes what was added at once.
    /// - Throws: `SystemError` where the output can't be written; a closed pipe only ends the work.
    mutating func flush() throws(SystemError) {
        do throws(SystemError) {
            try OutputFile.standardOutput.write(buffer)
        } catch {
            guard error.isClosedPipe else { throw error }
            isClosed = true
        }
        buffer.removeAll(keepingCapacity: true)
    }

    static func report(_ failures: [any Error]) {
        for failure in failures {
            ErrorOutput.print("\(failure); what it holds shows as control groups and bundles tell")
        }
    }
}

extension OutputFormat {
    /// Events that never came: an object in the stream, in columns a line on standard error.
    func appendLoss(count: UInt64, _ reason: LossReason, to buffer: inout [UInt8]) {
        guard self != .columns else {
            ErrorOutput.print("lost \(count) events: \(reason.rawValue)")
            return
        }
        let item: Value = .object(["type": "lost", "count": .number(count), "reason": .string(reason.rawValue)])
        item.append(to: &buffer, style: objectStyle)
    }
}
