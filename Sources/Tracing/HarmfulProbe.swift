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
        switch copier {
        case .other: "code is not the file's in process \(pid): a probe would break it"
        case .held:
            "process \(pid) waits for a file that can't be read: the kernel would wait for it, and every new process of "
                + "this host with it; end it, or leave the file out: `--exclude-binary`"
        default: "process \(pid) copies or interprets its code (\(copier.name)): a probe would kill it"
        }
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

    /// Asks the processes that map a file whether a probe of it would do them harm.
    struct Question: Sendable {
        private let mapped: Mapped
        private let memory: MemoryQuestions<WorkOwner>
        private let deadline: Int64
        /// root's first.
        private let copiers: [PendingAnswer<[User]>]

        /// A file, and whoever maps it.
        struct Mapped: Sendable {
            let path: String
            let identity: FileIdentity
            let users: [ProcessScan.User]
        }

        /// Begins to ask whether they were told to copy their program. Of a library's users, those that interpret code are
        /// known by what they map.
        init(_ mapped: Mapped, _ memory: MemoryQuestions<WorkOwner>) {
            self.mapped = mapped
            self.memory = memory
            deadline = Clock.monotonic + patience * 1_000_000
            guard !mapped.path.contains(".so") else {
                copiers = []
                return
            }
            copiers = HarmfulProbe.byOwner(mapped.users.prefix(mostAsked), memory).compactMap { owner, users in
                memory.begin(owner) {
                    users.compactMap { user in
                        CodeCopier(ofProcess: user.pid).map { User(pid: user.pid, copier: $0) }
                    }
                }
            }
        }

        /// Those that would be harmed, as far as they let themselves be asked in time.
        /// - Parameter places: What is to be probed.
        func users(_ places: [MappedCode.Place]) -> [User] {
            let held = heldUsers
            guard held.isEmpty else { return held }
            let copiers = copiers.flatMap { $0.answer(within: left) ?? [] }
            guard copiers.isEmpty else { return copiers }
            let suspects = mapped.users.prefix(mostAsked).filter {
                MappedCode.mayBeOther(than: places, in: $0.pid, first: $0.range)
            }
            let identity = mapped.identity
            return HarmfulProbe.byOwner(suspects, memory).compactMap { owner, suspects in
                memory.begin(owner) {
                    suspects.prefix(mostCompared).first {
                        MappedCode.isOther(than: places, in: $0.pid, identity, first: $0.range)
                    }
                }?.answer(within: left) ?? nil
            }.map { User(pid: $0.pid, copier: .other) }
        }

        /// Those that would have the kernel wait: of all, since one is enough.
        private var heldUsers: [User] {
            let held = memory.held.all.filter { pid in mapped.users.contains { $0.pid == pid } || mayMap(pid) }
            let suspects = mapped.users.filter(\.mayBeInFault).map(\.pid)
            return (held + HeldMemory.faulting(suspects)).map { User(pid: $0, copier: .held) }
        }

        /// Whether a process maps the file; also where it does not say.
        private func mayMap(_ pid: Int32) -> Bool {
            memory.ask(pid, within: left) { [identity = mapped.identity] in
                ((try? ProcessScan.files(ofProcess: pid)) ?? []).contains { $0.identity == identity }
            } ?? true
        }

        private var left: Int { max(Int((deadline - Clock.monotonic) / 1_000_000), 0) }
    }

    /// root's first.
    private static func byOwner(
        _ users: some Sequence<ProcessScan.User>, _ memory: MemoryQuestions<WorkOwner>
    ) -> [(owner: WorkOwner, users: [ProcessScan.User])] {
        Dictionary(grouping: users) { memory.owner(of: $0.pid) }
            .sorted { $0.key == .host && $1.key != .host }.map { ($0, $1) }
    }
}
