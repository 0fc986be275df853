/// Where a value of a JSON5 text stands, and the values in it.
struct JSON5Place: Equatable {
    /// From 1. A value in an object has the line of its key.
    let line: Int
    /// The values of an object, by their keys.
    var members: [String: JSON5Place] = [:]
    /// The values of a list.
    var items: [JSON5Place] = []

    /// The line of the value that a path leads to, or of the last one on the way that is there: a missing key has the
    /// line of the object that lacks it.
    func line(of path: [any CodingKey]) -> Int {
        var place = self
        for key in path {
            let next = key.intValue.map { place.items.indices.contains($0) ? place.items[$0] : nil }
            guard let next = next ?? place.members[key.stringValue] else { break }
            place = next
        }
        return place.line
    }
}
