/// Who holds how many of the file descriptors that probed files take: nobody but root takes them from all others.
struct DescriptorShares: Sendable {
    /// What all probed files together may hold.
    let most: Int
    /// What those of one owner may.
    private let mostOfOwner: Int
    private var held: [WorkOwner: Int] = [:]

    /// For what else is open: files that are being inspected, the BPF programs, pipes.
    private static let reserve = 128

    /// - Parameter limit: Of this process.
    init(limit: Int) {
        most = max(limit - Self.reserve, limit / 4)
        mostOfOwner = max(most / 4, 1)
    }

    func most(of owner: WorkOwner) -> Int { owner == .host ? most : mostOfOwner }

    /// - Throws: The limit that leaves no room.
    mutating func take(_ count: Int, for owner: WorkOwner) throws(OwnersLimit) {
        guard held[owner, default: 0] + count <= most(of: owner) else {
            throw .descriptors(owner, most: most(of: owner))
        }
        guard held.values.reduce(count, +) <= most else { throw .descriptors(.host, most: most) }
        held[owner, default: 0] += count
    }

    mutating func giveBack(_ count: Int, of owner: WorkOwner) {
        guard let before = held[owner] else { return }
        held[owner] = before > count ? before - count : nil
    }
}
