/// What is to be done for users, each of whom has one thread for it.
struct UserTasks<Task: Sendable>: Sendable {
    enum Answer: Equatable {
        case refused
        case taken
        /// It is the first one: its user's thread is to be started.
        case needsThread
    }

    /// Takes the tasks of nobody in particular: the kernel gives this number to no user.
    static var nobody: UInt32 { .max }
    /// With a thread, beside root and nobody.
    static var mostUsers: Int { 32 }
    /// Of a user, to be done.
    static var mostOfUser: Int { 256 }

    /// Of users that have a thread.
    private var tasks: [UInt32: [Task]] = [:]

    mutating func add(_ task: Task, of user: UInt32) -> Answer {
        if let waiting = tasks[user] {
            guard waiting.count < Self.mostOfUser else { return .refused }
            tasks[user]?.append(task)
            return .taken
        }
        let hasRoom = Self.hasReserve(user) || tasks.keys.lazy.filter { !Self.hasReserve($0) }.count < Self.mostUsers
        guard hasRoom else { return .refused }
        tasks[user] = [task]
        return .needsThread
    }

    /// Users could hold all other threads for as long as they like.
    private static func hasReserve(_ user: UInt32) -> Bool { user == 0 || user == nobody }

    /// What is to be done for a user by now.
    mutating func take(of user: UInt32) -> [Task] {
        defer { tasks[user] = [] }
        return tasks[user] ?? []
    }

    /// A user's thread ends.
    mutating func remove(_ user: UInt32) {
        tasks[user] = nil
    }
}
