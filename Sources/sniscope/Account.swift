import OS

/// Whom `run` runs its command as.
struct Account: Sendable {
    let name: String
    let uid: UInt32
    let gid: UInt32
    let groups: [UInt32]
    let home: String
    let shell: String

    /// - Parameter name: From `--user`; without it, whoever called sudo.
    /// - Returns: nil where the command runs as this process does.
    /// - Throws: `CommandFailure` for a user that is not known.
    static func forCommand(named name: String?) throws -> Account? {
        if let name {
            guard let account = UserDatabase.account(named: name) else {
                throw CommandFailure("there is no user '\(name)' on this host (--user)", status: ExitStatus.usage)
            }
            return Account(account)
        }
        guard Host.isRoot, let text = Environment["SUDO_UID"], let uid = UInt32(text), uid != 0 else { return nil }
        guard let account = UserDatabase.account(uid: uid) else {
            throw CommandFailure("sudo was called by user id \(uid), which this host does not know; use --user")
        }
        return Account(account)
    }

    private init(_ account: UserAccount) {
        name = account.name
        uid = account.uid
        gid = account.gid
        groups = UserDatabase.groups(of: account)
        home = account.home
        shell = account.shell
    }
}
