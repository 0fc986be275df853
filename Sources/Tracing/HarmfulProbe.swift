internal import OS
internal import Processes

/// Why a file must not be probed as long as a process is there.
struct HarmfulProbe: Sendable, CustomStringConvertible {
    let path: String
    let pid: Int32
    let copier: CodeCopier

    /// The same for all processes of a kind.
    var key: String { "\(path)\n\(copier.name)" }

    var description: String { "\(path): \(reason)" }

    var reason: String {
        copier == .other
            ? "code is not the file's in process \(pid): a probe would break it"
            : "process \(pid) copies or interprets its code (\(copier.name)): a probe would kill it"
    }
}

extension HarmfulProbe {
    /// How many processes of a file are asked what they are, and how many of a user for their code: each costs some
    /// reads.
    private static let mostAsked = 256
    private static let mostCompared = 16
    /// Milliseconds, for all of them.
    private static let patience: Int64 = 400

    struct User: Sendable {
        let pid: Int32
        let copier: CodeCopier
    }

    /// The processes to which a probe of a file that they map would do harm, as far as they let themselves be asked in
    /// time. root's are asked first.
    /// - Parameter mapped: The file, and whoever maps it.
    /// - Parameter places: What is to be probed.
    /// - Parameter areInterpretersKnown: Of a library none but changed code is looked for then.
    static func users(
        of mapped: (path: String, identity: FileIdentity, users: [ProcessScan.User]), _ places: [MappedCode.Place],
        areInterpretersKnown: Bool, _ memory: MemoryQuestions
    ) -> [User] {
        // What a process was asked to do with its own code goes for its program alone.
        let isProgram = !mapped.path.contains(".so")
        let deadline = Clock.monotonic + patience * 1_000_000
        let users = mapped.users.prefix(mostAsked).compactMap { user in
            (try? ProcessRecord.credentials(of: user.pid)).map { (uid: $0.uid, user: user) }
        }
        var found: [User] = []
        for (uid, group) in Dictionary(grouping: users, by: \.uid).sorted(by: { $0.key < $1.key }) {
            let left = (deadline - Clock.monotonic) / 1_000_000
            guard left > 0 else { break }
            let processes = group.map(\.user)
            found +=
                memory.ask(uid, within: Int(left)) {
                    let copiers = isProgram || !areInterpretersKnown ? copiers(processes, isProgram) : []
                    guard copiers.isEmpty else { return copiers }
                    let other = processes.prefix(mostCompared).first {
                        MappedCode.isOther(than: places, in: $0.pid, mapped.identity, first: $0.range)
                    }
                    return other.map { [User(pid: $0.pid, copier: .other)] } ?? []
                } ?? []
        }
        return found
    }

    private static func copiers(_ processes: [ProcessScan.User], _ isProgram: Bool) -> [User] {
        processes.compactMap { process in
            CodeCopier(ofProcess: process.pid).flatMap { copier in
                isProgram || copier.copiesLibraries ? User(pid: process.pid, copier: copier) : nil
            }
        }
    }
}
