internal import Glibc
internal import Synchronization

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
    /// The file is read again where it has changed, which is looked for once a second at most: there can be many
    /// containers of users.
    public static func shownName(uid: UInt32) -> String {
        shown.withLock { shown in
            let now = Clock.monotonic
            if shown.checkedAt.map({ now - $0 > pause }) ?? true {
                shown.checkedAt = now
                let status = try? FileStatus(path: passwd)
                if status == nil || status != shown.status {
                    shown.status = status
                    shown.names = names(in: (try? Files.readRegular(passwd, limit: 16 << 20)) ?? [])
                }
            }
            return shown.names[uid]
        } ?? "\(uid)"
    }

    private struct Shown {
        var names: [UInt32: String] = [:]
        /// Of the file, just before it was read.
        var status: FileStatus?
        /// CLOCK_MONOTONIC, nanoseconds.
        var checkedAt: Int64?
    }

    private static let passwd = "/etc/passwd"
    /// Nanoseconds.
    private static let pause: Int64 = 1_000_000_000
    private static let shown = Mutex(Shown())

    /// Of several names for a number the first, as getpwuid(3).
    static func names(in file: [UInt8]) -> [UInt32: String] {
        var names: [UInt32: String] = [:]
        for line in file.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count > 2, let uid = UInt32(String(decoding: fields[2], as: UTF8.self)), names[uid] == nil,
                !fields[0].isEmpty, !fields[0].contains(UInt8(ascii: "/"))
            else { continue }
            names[uid] = String(decoding: fields[0], as: UTF8.self)
        }
        return names
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
