/// Fits columns into a terminal.
enum ColumnLayout {
    /// Widths in cells, such that the line with one space between columns fits into `terminalWidth`.
    ///
    /// Too wide a line takes first from the flexible columns, then from the others, each down to its minimum; only if
    /// that is not enough all go below. The extra of a wide terminal goes to the flexible columns. A line of more
    /// columns than half the terminal's cells cannot fit.
    static func widths(of columns: [Column], terminalWidth: Int) -> [Int] {
        var widths = columns.map(\.width)
        let available = terminalWidth - (columns.count - 1)
        let excess = widths.reduce(0, +) - available
        if excess < 0 {
            let shares = spread(-excess, over: columns.map { $0.flexible ? $0.width : 0 })
            for index in widths.indices { widths[index] += shares[index] }
            return widths
        }
        shrink(&widths, to: available, floors: columns.map { $0.flexible ? $0.minimumWidth : $0.width })
        shrink(&widths, to: available, floors: columns.map(\.minimumWidth))
        shrink(&widths, to: available, floors: columns.map { _ in 1 })
        return widths
    }

    /// Takes what is too much from each column, in proportion to what it has above its floor.
    private static func shrink(_ widths: inout [Int], to available: Int, floors: [Int]) {
        let slack = widths.indices.map { widths[$0] - floors[$0] }
        let excess = min(widths.reduce(0, +) - available, slack.reduce(0, +))
        guard excess > 0 else { return }
        let shares = spread(excess, over: slack)
        for index in widths.indices { widths[index] -= shares[index] }
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
