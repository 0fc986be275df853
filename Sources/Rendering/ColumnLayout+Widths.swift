extension ColumnLayout {
    /// Widths in cells, such that the line with one space between columns fits into `terminalWidth`.
    ///
    /// Too wide a line takes first from the flexible columns, then from the others, each down to its minimum, then from
    /// those whose values are kept whole: what does not fit there is shown all the same. Only if that is not enough all
    /// go below. The extra of a wide terminal goes to the values kept whole, then to the flexible columns. A line of
    /// more columns than half the terminal's cells cannot fit.
    static func widths(of columns: [Column], terminalWidth: Int) -> [Int] {
        var widths = columns.map(\.width)
        let available = terminalWidth - (columns.count - 1)
        let excess = widths.reduce(0, +) - available
        if excess < 0 {
            grow(&widths, by: -excess, columns)
            return widths
        }
        shrink(
            &widths, to: available,
            floors: columns.map { $0.flexible && !$0.isKeptWhole ? $0.minimumWidth : $0.width })
        shrink(&widths, to: available, floors: columns.map { $0.isKeptWhole ? $0.width : $0.minimumWidth })
        shrink(
            &widths, to: available,
            floors: columns.map { min($0.minimumWidth, $0.isKeptWhole ? $0.heading.count : .max) })
        shrink(&widths, to: available, floors: columns.map { _ in 1 })
        return widths
    }

    /// A column of values kept whole grows to this: most names fit, and what follows them stays near.
    static let enough = 64

    private static func grow(_ widths: inout [Int], by extra: Int, _ columns: [Column]) {
        var extra = extra
        for index in columns.indices where columns[index].isKeptWhole {
            let share = min(extra, max(0, enough - widths[index]))
            widths[index] += share
            extra -= share
        }
        let shares = spread(extra, over: columns.map { $0.flexible && !$0.isKeptWhole ? $0.width : 0 })
        for index in widths.indices { widths[index] += shares[index] }
    }

    /// Takes what is too much from each column, in proportion to what it has above its floor.
    static func shrink(_ widths: inout [Int], to available: Int, floors: [Int]) {
        let slack = widths.indices.map { max(0, widths[$0] - floors[$0]) }
        let excess = min(widths.reduce(0, +) - available, slack.reduce(0, +))
        guard excess > 0 else { return }
        let shares = spread(excess, over: slack)
        for index in widths.indices { widths[index] -= shares[index] }
    }

    /// Takes what is too much from whichever column is the widest, cell by cell, down to its floor.
    static func shrinkWidest(_ widths: inout [Int], to available: Int, floors: [Int]) {
        var excess = widths.reduce(0, +) - available
        while excess > 0 {
            let candidates = widths.indices.filter { widths[$0] > floors[$0] }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
            excess -= 1
        }
    }

    /// Whole shares of `amount` in proportion to the weights, none if all weights are 0.
    private static func spread(_ amount: Int, over weights: [Int]) -> [Int] {
        let total = weights.reduce(0, +)
        guard total > 0 else { return weights }
        var shares = weights.map { amount * $0 / total }
        var left = amount - shares.reduce(0, +)
        // Only where the division left a remainder, so that no share exceeds its weight when `amount <= total`.
        for index in shares.indices where left > 0 && amount * weights[index] % total != 0 {
            shares[index] += 1
            left -= 1
        }
        return shares
    }
}
