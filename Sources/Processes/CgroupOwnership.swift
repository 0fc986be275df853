internal import OS
internal import Synchronization

/// Whose a part of the cgroup hierarchy is. root hands out parts of it ("delegation", cgroups(7)): below such a cgroup
/// its user makes cgroups as he likes, and calls them what he likes.
public struct CgroupOwnership: Sendable {
    /// Where the hierarchies are mounted, v2 first.
    private let mounts: [String]
    private let folders = Folders()

    /// Deeper cgroups are no container's own, and their owners are not looked for: those of runtimes have about ten
    /// levels, also with systemd and Kubernetes for a user, and users make cgroups as deep as they like.
    public static let mostLevels = 32

    /// - Parameter mounts: Mount points of whole hierarchies.
    public init(mounts: [String]) {
        self.mounts = mounts
    }

    public init(layout: CgroupLayout) {
        self.init(mounts: [layout.unified].compactMap(\.self) + layout.legacy.sorted { $0.key < $1.key }.map(\.value))
    }

    /// This host's, as it was mounted when this was first asked for.
    public static let host = (try? CgroupLayout.current()).map(CgroupOwnership.init(layout:)) ?? .init(mounts: [])

    /// The user who made a cgroup; 0: root.
    ///
    /// The owners of the cgroups above decide. Its own says nothing: a runtime may give a container's cgroup to the
    /// container's users. Where others than the owner of a cgroup may write in it, the owner of the next one counts.
    /// - Parameter path: From the hierarchy's root. It need not exist any more.
    public func user(ofCgroup path: String) -> UInt32 {
        let components = path.split(separator: "/", maxSplits: Self.mostLevels, omittingEmptySubsequences: true)
        if let user = Self.user(inNames: components) { return user }
        for mount in mounts {
            var folder = mount
            var isShared = false
            for (index, component) in components.prefix(Self.mostLevels).enumerated() {
                folder += "/" + component
                guard index < components.count - 1 || isShared,
                    // Gone, or in another hierarchy.
                    let access = folders.access(to: folder)
                else { break }
                if access.owner != 0 { return access.owner }
                isShared = access.isShared
            }
        }
        return 0
    }

    /// Who may write in a cgroup. Of a host's hundreds of cgroups many are asked for at once, in up to a dozen
    /// hierarchies, and most of their folders are the same.
    private final class Folders: Sendable {
        struct Access {
            let owner: UInt32
            /// Others than the owner may, too.
            let isShared: Bool
        }

        /// Nanoseconds: a folder that is handed out is its user's from then on.
        private static let trust: Int64 = 20_000_000
        private static let most = 1024

        private let known = Mutex<[String: (access: Access?, at: Int64)]>([:])

        /// - Returns: nil where there is no such folder.
        func access(to folder: String) -> Access? {
            let now = Clock.monotonic
            if let known = known.withLock({ $0[folder] }), now - known.at < Self.trust { return known.access }
            let status = try? FileStatus(path: folder)
            let access = status.map { Access(owner: $0.owner, isShared: $0.mode & 0o022 != 0) }
            known.withLock { known in
                if known.count >= Self.most { known.removeAll() }
                known[folder] = (access, now)
            }
            return access
        }
    }

    /// Who pays for what is done for the processes of a cgroup, also for those of a session, which root made for him:
    /// the user in whose slice it is ("/user.slice/user-1000.slice/…"), whatever number a process there has, and
    /// whatever the cgroups below are called. Reads nothing.
    /// - Parameter path: From the hierarchy's root, as the host sees it. It may be cut behind the slice's name.
    /// - Returns: 0: root, in its own slice; nil outside of all users' slices.
    public static func payer(ofPath path: some StringProtocol) -> UInt32? {
        slice(path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true))?.user
    }

    /// systemd's names for what it hands out to a user, also in hierarchies in which the cgroup itself is root's:
    /// "/user.slice/user-1000.slice/user@1000.service/…". Below a container's cgroup they say nothing: its root calls
    /// cgroups what it likes.
    private static func user(inNames components: [Substring]) -> UInt32? {
        // The service itself is made by root.
        guard components.count > 3, let (user, number) = slice(components), components[2] == "user@\(number).service"
        else { return nil }
        return user
    }

    private static func slice<Name: StringProtocol>(_ components: [Name]) -> (user: UInt32, number: String)? {
        guard components.count > 1, components[0] == "user.slice", components[1].hasPrefix("user-") else { return nil }
        let number = String(components[1].dropFirst(5).prefix { $0 != "." })
        // As systemd writes numbers: "user-+7.slice" is none of its.
        guard components[1] == "user-\(number).slice", let user = UInt32(number), "\(user)" == number else {
            return nil
        }
        return (user, number)
    }
}
