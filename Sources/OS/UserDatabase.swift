internal import Glibc

/// A user, as the system's name service knows one.
public struct UserAccount: Sendable {
    public let name: String
    public let uid: UInt32
    public let gid: UInt32
    public let home: String
    public let shell: String
}

/// Users and their groups. For the time before other threads look some up too.
public enum UserDatabase {
    public static func account(named name: String) -> UserAccount? { account(getpwnam(name)) }
    public static func account(uid: UInt32) -> UserAccount? { account(getpwuid(uid)) }

    /// What a user is called in /etc/passwd; the number of one who is not there. For any thread: no name service is asked.
    public static func shownName(uid: UInt32) -> String {
        let file = (try? Files.readRegular("/etc/passwd", limit: 16 << 20)) ?? []
        for line in file.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count > 2, UInt32(String(decoding: fields[2], as: UTF8.self)) == uid,
                !fields[0].isEmpty, !fields[0].contains(UInt8(ascii: "/"))
            else { continue }
            return String(decoding: fields[0], as: UTF8.self)
        }
        return "\(uid)"
    }

    /// All groups of a user, its own one included.
    public static func groups(of account: UserAccount) -> [UInt32] {
        var count: Int32 = 64
        var groups = [gid_t](repeating: 0, count: Int(count))
        if getgrouplist(account.name, account.gid, &groups, &count) < 0 {
            // Now `count` says how many there are.
            groups = [gid_t](repeating: 0, count: Int(count))
            getgrouplist(account.name, account.gid, &groups, &count)
        }
        return Array(groups.prefix(Int(max(count, 0))))
    }

    private static func account(_ entry: UnsafeMutablePointer<passwd>?) -> UserAccount? {
        guard let entry else { return nil }
        return UserAccount(
            name: String(cString: entry.pointee.pw_name), uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid,
            home: String(cString: entry.pointee.pw_dir), shell: String(cString: entry.pointee.pw_shell))
    }
}
