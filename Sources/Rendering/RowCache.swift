/// What a writer has written of the objects that rows share, so that it is written once for many rows. Bounded; for one
/// writer.
public struct RowCache {
    /// Fields that follow one another, as they stand in a row.
    struct Segment {
        var bytes: [UInt8] = []
        /// Spaces that are due before what follows, in columns.
        var padding = 0
    }

    private struct Entry {
        /// Held, so that its address is nobody else's.
        let object: AnyObject
        let segments: [Segment]
    }

    private static let size = 1024

    private var entries: [Entry?] = Array(repeating: nil, count: size)

    public init() {}

    /// Whether segments of that object are there.
    func contains(_ object: AnyObject) -> Bool {
        entries[Self.index(of: object)]?.object === object
    }

    /// Forgets all, where they would be written otherwise now.
    mutating func removeAll() {
        for index in entries.indices { entries[index] = nil }
    }

    /// The segments of an object, which `make` writes where they are not there.
    mutating func segments(of object: AnyObject, make: () -> [Segment]) -> [Segment] {
        let index = Self.index(of: object)
        if let entry = entries[index], entry.object === object { return entry.segments }
        let segments = make()
        entries[index] = Entry(object: object, segments: segments)
        return segments
    }

    private static func index(of object: AnyObject) -> Int {
        // Objects begin at multiples of 16.
        Int(bitPattern: ObjectIdentifier(object)) >> 4 & (size - 1)
    }
}
