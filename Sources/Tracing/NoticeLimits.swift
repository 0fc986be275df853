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
        if counts[kind] == nil, counts.count >= Self.mostKinds { kind = Kind(name: Self.furtherKinds, owner: nil) }
        counts[kind, default: 0] += 1
        guard let count = counts[kind], count <= Self.mostOfAKind else { return [] }
        guard count == Self.mostOfAKind else { return [notice] }
        let of = kind.owner == .host ? "" : kind.owner.map { " of \($0)" } ?? " of further users"
        return [notice, "\(kind.name)\(of): no more of these are shown"]
    }

    /// Whether another notice would be said, so that what it says is worth finding out.
    func hasRoom(kind name: String, _ owner: WorkOwner) -> Bool {
        guard let count = counts[Kind(name: name, owner: owner)] else {
            return counts.count < Self.mostKinds
                || counts[Kind(name: Self.furtherKinds, owner: nil), default: 0] < Self.mostOfAKind
        }
        return count < Self.mostOfAKind
    }

    private static let furtherKinds = "notices"

    /// Whether it is the first time that a limit is reached.
    mutating func isNew(_ limit: OwnersLimit) -> Bool {
        limits.count < Self.mostLimits && limits.insert(limit).inserted
    }
}
