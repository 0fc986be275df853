internal import LibBPF
internal import OS
internal import Processes
internal import TLSLibraries

/// A file whose TLS libraries can't be traced, none of them.
struct UntracedFile: Sendable {
    let identity: InodeIdentity
    /// "rustls in deno".
    let title: String

    init(_ report: FileReport, path: String, _ identity: InodeIdentity) {
        let kinds = report.libraries.map(\.kind).joined(separator: ", ")
        title = "\(kinds) in \(path.split(separator: "/").last ?? "")"
        self.identity = identity
    }
}

/// Those that processes map or have mapped, as far as they are wanted: what `list` has the reasons of.
public struct UntracedFiles: Sendable {
    /// Anybody can make such files.
    private static let most = 4096

    private var files: Set<InodeIdentity> = []
    /// What is where, each once, in the order in which they were found: "rustls in deno". Text of traced processes.
    public private(set) var titles: [String] = []

    public init() {}

    public var count: Int { files.count }

    mutating func insert(_ file: UntracedFile) {
        guard files.count < Self.most, files.insert(file.identity).inserted, !titles.contains(file.title) else {
            return
        }
        titles.append(file.title)
    }
}

extension FileReport {
    /// Why nothing of it can be traced on this host; nil where something can, or where it has no TLS library.
    var reasonUntraced: String? {
        guard !libraries.isEmpty else { return nil }
        guard machine == Host.machine else { return "it is for \(machine), not \(Host.machine)" }
        return isTraceable ? nil : libraries.compactMap(\.reason).joined(separator: "; ")
    }
}

/// Whether somebody is wanted who maps a file. Where that is not known he is not: it is about what the user is told, not
/// about what is probed.
struct WantedUsers: Sendable {
    /// How many processes of a file are asked.
    private static let mostAsked = 1024

    let scope: ProbeScope?
    /// Whether containers can't be told apart.
    let isBlind: Bool
    let isWanted: SessionOptions.ProcessFilter?

    /// Reads /proc: not for the event loop.
    func includes(anyOf candidate: ProbeJob.MappedCandidate) -> Bool {
        guard !isBlind, candidate.isFollowed != false else { return false }
        guard scope != nil || isWanted != nil else { return true }
        return candidate.users.prefix(Self.mostAsked).contains { includes($0.pid) }
    }

    private func includes(_ pid: Int32) -> Bool {
        guard scope?.isKnownToInclude(pid) != false else { return false }
        guard let isWanted else { return true }
        guard let comm = ProcessRecord.comm(of: pid), let uid = try? ProcessRecord.credentials(of: pid).uid else {
            return false
        }
        return isWanted(pid, comm, uid)
    }
}
