/// What a writer has written of the objects that rows share, so that it is written once for many rows. Bounded; for one
/// writer.
public struct RowCache {
    /// Fields that follow one another, as they stand in a row.
    struct Segment {
        /// Where they end in `Entry.bytes`; they begin where those before end.
        let end: Int
        /// Spaces that are due before what follows, in columns.
        let padding: Int
    }

    /// By reference: that is all that is counted where it is used for each row.
    final class Entry {
        /// Held, so that its address is nobody else's.
        let object: AnyObject
        let bytes: [UInt8]
        let segments: [Segment]

        init(_ object: AnyObject, bytes: [UInt8], segments: [Segment]) {
            self.object = object
            self.bytes = bytes
            self.segments = segments
        }
    }

    private static let size = 1024

    private var entries: [Entry?] = Array(repeating: nil, count: size)

    public init() {}

    /// Whether an object's entry is there.
    func contains(_ object: AnyObject) -> Bool {
        entries[Self.index(of: object)]?.object === object
    }

    /// Forgets all, where they would be written otherwise now.
    mutating func removeAll() {
        for index in entries.indices { entries[index] = nil }
    }

    /// The entry of an object, which is written where it is not there.
    /// - Parameters:
    ///   - parts: Of a row of that object.
    ///   - write: Appends fields; it returns the spaces that are due behind them.
    mutating func entry<Element>(
        of object: AnyObject, _ parts: RowParts<Element>, write: ([Element], inout [UInt8]) -> Int
    ) -> Entry {
        let index = Self.index(of: object)
        if let entry = entries[index], entry.object === object { return entry }
        var bytes: [UInt8] = []
        let segments = parts.shared.map { elements in
            let padding = write(elements, &bytes)
            return Segment(end: bytes.count, padding: padding)
        }
        let entry = Entry(object, bytes: bytes, segments: segments)
        entries[index] = entry
        return entry
    }

    private static func index(of object: AnyObject) -> Int {
        // Objects begin at multiples of 16.
        Int(bitPattern: ObjectIdentifier(object)) >> 4 & (size - 1)
    }
}
