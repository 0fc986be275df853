/// How wide columns are and where their values are cut, in cells.
struct ColumnLayout: Sendable, Equatable {
    private(set) var widths: [Int]
    /// The cells at which a value is cut; nil if it may overflow.
    private(set) var limits: [Int?]
}

extension ColumnLayout {
    /// Default widths. Nothing is cut: a long value is followed by one space, and the rest of its line moves to the right.
    init(_ columns: [Column]) {
        widths = columns.map(\.width)
        limits = columns.map { _ in nil }
    }

    /// For rows that are not known yet. Values too long for their column are cut, but for those that are kept whole:
    /// they make the line longer.
    init(_ columns: [Column], on terminal: Terminal) {
        self.init(columns)
        guard let width = terminal.width else { return }
        let columns = terminal.truncates ? columns.map(\.cut) : columns
        widths = Self.widths(of: columns, terminalWidth: width)
        limits = zip(columns, widths).map { $0.isKeptWhole ? nil : $1 }
        // The last column may use the rest of the line even if it is not one that grows.
        if let last = columns.last, !last.isKeptWhole, last.alignment == .left {
            limits[limits.count - 1] = restOfLine(width)
        }
    }

    /// For rows that are all known: each column is as wide as its content.
    ///
    /// On a narrower terminal the widest column gives way, down to its minimum; the last column is kept whole, in a
    /// line that wraps if need be.
    /// - Parameter contents: cells of each column's widest value.
    init(_ columns: [Column], contents: [Int], on terminal: Terminal?) {
        self.init(columns)
        let headings = columns.map { $0.heading.count }
        guard let width = terminal?.width, let last = columns.indices.last else {
            widths = zip(headings, contents).map { max($0, min($1, Self.mostAligned)) }
            return
        }
        let available = width - (columns.count - 1)
        widths = zip(headings, contents).map { max($0, min($1, max(available, 1))) }
        var floors = zip(columns, widths).map { min($0.minimumWidth, $1) }
        // What wraps anyway is no reason to cut the columns of all other lines.
        let wraps = floors[..<last].reduce(widths[last], +) > available || contents[last] > widths[last]
        if wraps { widths[last] = headings[last] }
        floors[last] = widths[last]
        Self.shrinkWidest(&widths, to: available, floors: floors)
        if terminal?.truncates == true { Self.shrink(&widths, to: available, floors: columns.map { _ in 1 }) }
        limits = widths
        limits[last] = terminal?.truncates == true ? restOfLine(width) : nil
    }

    /// The widest value in cells to which other lines are aligned where no terminal sets a limit: one process list of a
    /// thousand cells is no reason for a thousand spaces in each line.
    static let mostAligned = 100

    /// Cells that the last column may use.
    private func restOfLine(_ terminalWidth: Int) -> Int? {
        widths.last.map { $0 + max(0, terminalWidth - (widths.reduce(0, +) + widths.count - 1)) }
    }
}
