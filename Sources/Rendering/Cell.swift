/// Writes one value into a cell of a line.
enum Cell {
    static let ellipsis: String = "…"

    /// Appends escaped text, cut to `limit` cells if there is a limit.
    /// - Returns: the cells it takes.
    static func append(
        _ text: String, limit: Int?, truncation: Column.Truncation, to buffer: inout [UInt8]
    ) -> Int {
        var plain = true
        let bytes = text.utf8.span
        for index in bytes.indices where !TerminalText.isPlain(bytes[index]) {
            plain = false
            break
        }
        guard plain else { return appendMixed(text, limit: limit, truncation: truncation, to: &buffer) }
        let count = text.utf8.count
        guard let limit, count > limit else {
            buffer.append(contentsOf: text.utf8)
            return count
        }
        let (head, tail) = kept(limit, truncation)
        buffer.append(contentsOf: text.utf8.prefix(head))
        buffer.append(ellipsis)
        buffer.append(contentsOf: text.utf8.suffix(tail))
        return limit
    }

    /// Cells left for the beginning and for the end of a text that is cut to `limit` cells.
    private static func kept(_ limit: Int, _ truncation: Column.Truncation) -> (head: Int, tail: Int) {
        let cells = limit - 1
        switch truncation {
        case .end: return (cells, 0)
        case .start: return (0, cells)
        case .middle: return (cells - cells / 2, cells / 2)
        }
    }

    /// A part of the text that is kept or dropped as a whole: an escape, or a character with its combining marks.
    private struct Unit {
        var end: Int
        var cells: Int
    }

    private static func appendMixed(
        _ text: String, limit: Int?, truncation: Column.Truncation, to buffer: inout [UInt8]
    ) -> Int {
        let start = buffer.count
        var units: [Unit] = []
        var total = 0
        for scalar in text.unicodeScalars {
            let cells = TerminalText.append(scalar, to: &buffer)
            total += cells
            if cells == 0, !units.isEmpty {
                units[units.count - 1].end = buffer.count
            } else {
                units.append(Unit(end: buffer.count, cells: cells))
            }
        }
        guard let limit, total > limit else { return total }

        let (headCells, tailCells) = kept(limit, truncation)
        var head = units.startIndex
        var headWidth = 0
        while headWidth + units[head].cells <= headCells {
            headWidth += units[head].cells
            head += 1
        }
        var tail = units.endIndex
        var tailWidth = 0
        while tail > head, tailWidth + units[tail - 1].cells <= tailCells {
            tail -= 1
            tailWidth += units[tail].cells
        }
        let headEnd = head == 0 ? start : units[head - 1].end
        let tailStart = tail == 0 ? start : units[tail - 1].end
        buffer.replaceSubrange(headEnd..<tailStart, with: ellipsis.utf8)
        return headWidth + 1 + tailWidth
    }
}
