/// How many notices there were: whoever makes many files is told of so often, and what is said of others is still seen.
struct NoticeLimits {
    private struct Kind: Hashable {
        let name: String
        /// nil: of all that came when there were too many owners.
        let owner: WorkOwner?
    }

    static let mostOfAKind = 64
    private static let mostKinds = 1024
    private static let mostLimits = 256

    private var counts: [Kind: Int] = [:]
    private var limits: Set<OwnersLimit> = []

    /// - Returns: What is to be said.
    mutating func admitted(_ notice: String, kind name: String, _ owner: WorkOwner) -> [String] {
        var kind = Kind(name: name, owner: owner)
        // A reason can hold what a file says.
        if counts[kind] == nil, counts.count >= Self.mostKinds { kind = Kind(name: "notices", owner: nil) }
        counts[kind, default: 0] += 1
        guard let count = counts[kind], count <= Self.mostOfAKind else { return [] }
        guard count == Self.mostOfAKind else { return [notice] }
        let of = kind.owner == .host ? "" : kind.owner.map { " of \($0)" } ?? " of further users"
        return [notice, "\(kind.name)\(of): no more of these are shown"]
    }

    /// Whether it is the first time that a limit is reached.
    mutating func isNew(_ limit: OwnersLimit) -> Bool {
        limits.count < Self.mostLimits && limits.insert(limit).inserted
    }
}
