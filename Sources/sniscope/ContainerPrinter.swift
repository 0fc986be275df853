import Containers
import OS
import Rendering
import Tracing

/// Writes containers to standard output, and what is not known of them to standard error.
struct ContainerPrinter: Sendable {
    private let selection: TargetSelection
    private let filter: Filter<ContainerRow>
    private let format: OutputFormat
    private var rows: RowWriter<ContainerRow>
    private let hasHeading: Bool
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
        self.hasHeading = hasHeading
    }

    /// Rows that are all there are.
    mutating func add(all rows: [ContainerRow]) {
        self.rows.append(all: rows.filter(isWanted), hasHeading: hasHeading, to: &buffer)
    }

    /// The first rows; others follow as they come.
    mutating func begin(with first: [ContainerRow]) {
        let wanted = first.filter(isWanted)
        if hasHeading { rows.appendHeading(above: wanted, to: &buffer) }
        for row in wanted { rows.append(row, to: &buffer) }
    }

    private func isWanted(_ row: ContainerRow) -> Bool {
        selection.matches(row.container) && filter.matches(row)
    }

    /// - Returns: Whether the row is wanted.
    private mutating func add(_ row: ContainerRow) -> Bool {
        guard isWanted(row) else { return false }
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
        case .lost(let loss):
            format.append(loss, to: &buffer)
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
    func append(_ loss: Loss, to buffer: inout [UInt8]) {
        guard self != .columns else {
            var line = "lost \(loss.count) events: \(loss.reason.rawValue)"
            let shares = loss.shares.map { "\($0.count) of \($0.owner.name)" }
            if !shares.isEmpty { line += " (\(shares.joined(separator: ", ")))" }
            ErrorOutput.print(line)
            return
        }
        let item: Value = .object([
            "type": "lost", "count": .number(loss.count), "reason": .string(loss.reason.rawValue),
            "shares": loss.shares.isEmpty ? nil : .array(loss.shares.map { $0.value }),
        ])
        item.append(to: &buffer, style: objectStyle)
    }
}

extension Loss.Share {
    fileprivate var value: Value {
        switch owner {
        case .container(let container):
            .object([
                "runtimeName": .string(container.runtime.rawValue), "containerName": .string(container.name),
                "containerId": .string(container.id), "count": .number(count),
            ])
        case .user(let uid): .object(["uid": .number(uid), "count": .number(count)])
        }
    }
}

extension Loss.Share.Owner {
    fileprivate var name: String {
        switch self {
        case .container(let container): ContainerFields.qualifiedName(container)
        case .user(let uid): uid == 0 ? "root's on the host" : "user \(uid)"
        }
    }
}
