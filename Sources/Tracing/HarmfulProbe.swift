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

/// A file and the places that would be probed.
struct Inspected {
    let file: RegularFile
    let offsets: [UInt64]

    /// A process that has other code in a place.
    /// - Parameter identity: What maps call the file.
    func userWithOtherCode(_ identity: FileIdentity, _ users: some Sequence<ProcessScan.User>) -> Int32? {
        let code = offsets.compactMap { offset in
            (try? file.read(at: offset, count: MappedCode.length)).flatMap { bytes in
                bytes.count == MappedCode.length ? MappedCode.Place(offset: offset, bytes: bytes) : nil
            }
        }
        return users.first { MappedCode.isOther(than: code, in: $0.pid, identity, first: $0.range) }?.pid
    }
}

extension HarmfulProbe {
    /// How many processes of a file are asked what they are, and how many for their code: each costs some reads.
    static let mostAsked = 256
    static let mostCompared = 16

    /// Of a file that is not to be probed now.
    init?(_ inspected: Inspected, _ mapped: ProcessScan.File) {
        for user in mapped.users.prefix(Self.mostAsked) {
            guard let copier = CodeCopier(ofProcess: user.pid),
                copier.copiesLibraries || !mapped.path.contains(".so")
            else { continue }
            self.init(path: mapped.path, pid: user.pid, copier: copier)
            return
        }
        let users = mapped.users.prefix(Self.mostCompared)
        guard let pid = inspected.userWithOtherCode(mapped.identity, users) else { return nil }
        self.init(path: mapped.path, pid: pid, copier: .other)
    }
}
