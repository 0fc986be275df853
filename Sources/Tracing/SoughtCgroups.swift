/// Cgroups that are being looked for. Each user has a share, all users together leave root a part, and what is not
/// looked for has no owner until it is asked for again.
struct SoughtCgroups {
    enum Answer: Equatable {
        case new
        case sought
        /// The share is used up.
        case refused
    }

    static let most = 4096
    static let mostOfUser = 512
    private static let mostOfUsers = most * 3 / 4

    private var users: [UInt64: UInt32] = [:]
    private var counts: [UInt32: Int] = [:]
    /// How many are not root's.
    private var usersCount = 0

    /// - Parameter uid: Who is to pay for it; 0: root.
    mutating func seek(_ cgroup: UInt64, for uid: UInt32) -> Answer {
        if users[cgroup] != nil { return .sought }
        guard users.count < Self.most else { return .refused }
        if uid != 0 {
            guard usersCount < Self.mostOfUsers, counts[uid, default: 0] < Self.mostOfUser else { return .refused }
            counts[uid, default: 0] += 1
            usersCount += 1
        }
        users[cgroup] = uid
        return .new
    }

    /// It was found, or is gone.
    mutating func remove(_ cgroup: UInt64) {
        guard let uid = users.removeValue(forKey: cgroup), uid != 0, let count = counts[uid] else { return }
        counts[uid] = count > 1 ? count - 1 : nil
        usersCount -= 1
    }
}
