/// Writes rows as lines of columns, under a heading.
struct ColumnWriter<Row>: Sendable {
    private struct Place: Sendable {
        let column: Column
        let width: Int
        /// The cells at which a value is cut; nil if it may overflow.
        let limit: Int?
        let value: @Sendable (Row) -> Value?
        let plainText: (@Sendable (Row, inout [UInt8]) -> Bool)?
    }

    private let places: [Place]
    private let parts: RowParts<Place>

    /// - Parameters:
    ///   - fields: the columns from the left.
    ///   - layout: of these columns.
    init(fields: [Field<Row>], layout: ColumnLayout) {
        places = fields.indices.map {
            Place(
                column: fields[$0].effectiveColumn, width: layout.widths[$0], limit: layout.limits[$0],
                value: fields[$0].value, plainText: fields[$0].plainText)
        }
        var parts = RowParts<Place>()
        for (field, place) in zip(fields, places) { parts.append(place, isShared: field.isShared) }
        self.parts = parts
    }

    /// Cells of the widest value of each column.
    static func contents(of fields: [Field<Row>], in rows: [Row]) -> [Int] {
        var scratch: [UInt8] = []
        return fields.map { field in
            let truncation = field.effectiveColumn.truncation
            return rows.reduce(0) { widest, row in
                scratch.removeAll(keepingCapacity: true)
                return max(widest, append(field.value(row), limit: nil, truncation: truncation, to: &scratch))
            }
        }
    }

    /// Appends the line of headings and a newline.
    func appendHeading(to buffer: inout [UInt8]) {
        var padding = 0
        for place in places {
            Self.append(at: place, padding: &padding, to: &buffer) { buffer in
                Self.append(.string(place.column.heading), limit: place.limit, truncation: .end, to: &buffer)
            }
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Appends the row's line and a newline. The line does not end in padding.
    func append(_ row: Row, to buffer: inout [UInt8]) {
        var padding = 0
        for place in places { Self.append(row, at: place, padding: &padding, to: &buffer) }
        buffer.append(UInt8(ascii: "\n"))
    }

    /// As `append(_:to:)`, faster where rows share objects.
    /// - Parameters:
    ///   - object: What `Field.isShared` is about.
    ///   - cache: What it has written of earlier rows; of this writer alone.
    func append(_ row: Row, sharing object: AnyObject, to buffer: inout [UInt8], _ cache: inout RowCache) {
        let known = cache.entry(of: object, parts) { places, bytes in
            var padding = 0
            for place in places { Self.append(row, at: place, padding: &padding, to: &bytes) }
            return padding
        }
        var padding = 0
        var start = 0
        for index in known.segments.indices {
            let segment = known.segments[index]
            if segment.end > start {
                buffer.append(spaces: padding)
                buffer.append(contentsOf: known.bytes[start..<segment.end])
                padding = segment.padding
            } else {
                padding += segment.padding
            }
            start = segment.end
            if index < parts.own.count { Self.append(row, at: parts.own[index], padding: &padding, to: &buffer) }
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    private static func append(_ row: Row, at place: Place, padding: inout Int, to buffer: inout [UInt8]) {
        append(at: place, padding: &padding, to: &buffer) { buffer in
            if let plainText = place.plainText {
                let start = buffer.count
                guard plainText(row, &buffer) else { return 0 }
                let width = buffer.count - start
                guard let limit = place.limit, width > limit else { return width }
                buffer.removeLast(width)
            }
            return append(
                place.value(row), limit: place.limit, truncation: place.column.truncation, to: &buffer)
        }
    }

    /// - Parameters:
    ///   - padding: the spaces due before the next text, which are written only if there is one.
    ///   - write: appends the text; it returns the cells it takes.
    private static func append(
        at place: Place, padding: inout Int, to buffer: inout [UInt8], write: (inout [UInt8]) -> Int
    ) {
        let lineEnd = buffer.count
        buffer.append(spaces: padding)
        let start = buffer.count
        let width = write(&buffer)
        guard width > 0 else {
            buffer.removeLast(buffer.count - lineEnd)
            padding += place.width + 1
            return
        }
        let missing = max(0, place.width - width)
        if place.column.alignment == .right {
            buffer.insert(contentsOf: repeatElement(UInt8(ascii: " "), count: missing), at: start)
            padding = 1
        } else {
            padding = missing + 1
        }
    }

    /// - Returns: the cells the value takes.
    private static func append(
        _ value: Value?, limit: Int?, truncation: Column.Truncation, to buffer: inout [UInt8]
    ) -> Int {
        switch value {
        case nil:
            return 0
        case .integer(let number):
            let start = buffer.count
            buffer.append(decimal: number)
            let width = buffer.count - start
            guard let limit, width > limit else { return width }
            buffer.removeLast(width)
            return Cell.append(String(number), limit: limit, truncation: truncation, to: &buffer)
        case .string(let text):
            return Cell.append(text, limit: limit, truncation: truncation, to: &buffer)
        case .some(let value):
            return Cell.append(value.text, limit: limit, truncation: truncation, to: &buffer)
        }
    }
}
