internal import OS
internal import Processes

/// Why each probed file is probed, and since when nothing asks for it any more. A probe costs a descriptor, a few
/// kilobytes of the kernel's memory, and keeps a deleted file on its disk.
///
/// A file stays probed while a container that may run it is there, while it stands where a loader finds it, and while a
/// process maps it. The kernel tells of no process that lets go of a file, so the last is looked up now and then
/// (`ProbeSweep`), for files that nothing else keeps.
struct ProbeLifetimes {
    private struct Life {
        /// Containers for which it was probed, by their key in `ContainerTracker`.
        var containers: Set<String> = []
        /// Where a loader of the host finds it.
        var path: String?
        /// What processes' maps call it.
        var identities: Set<FileIdentity> = []
        /// A process that maps it.
        var witness: ProcessScan.User?
        /// When a process was last seen to map it; CLOCK_MONOTONIC, nanoseconds.
        var mappedAt: Int64 = 0
        /// How many sweeps in a row have found no process that maps it.
        var misses = 0
    }

    /// Twice: a process that forks and ends during one sweep can hide behind it.
    private static let enoughMisses = 2

    private var lives: [UInt32: Life] = [:]
    private var filesByContainer: [String: Set<UInt32>] = [:]

    /// A process maps the file.
    mutating func mapped(_ file: UInt32, as identity: FileIdentity, by user: ProcessScan.User?) {
        lives[file, default: Life()].identities.insert(identity)
        lives[file]?.misses = 0
        lives[file]?.mappedAt = Clock.monotonic
        if let user { lives[file]?.witness = user }
    }

    /// A process maps the file, or is about to.
    mutating func foreseen(_ file: UInt32) {
        lives[file, default: Life()].mappedAt = Clock.monotonic
    }

    /// Whether a sweep has found files that nobody maps, which the next one is to confirm.
    var isInDoubt: Bool { lives.values.contains { $0.misses > 0 } }

    /// A loader of the host finds the file.
    mutating func found(_ file: UInt32, at path: String) {
        lives[file, default: Life()].path = path
    }

    /// The file is in a container that runs or is about to.
    mutating func needed(_ file: UInt32, by container: String) {
        lives[file, default: Life()].containers.insert(container)
        filesByContainer[container, default: []].insert(file)
    }

    mutating func ended(container: String) {
        for file in filesByContainer.removeValue(forKey: container) ?? [] {
            lives[file]?.containers.remove(container)
        }
    }

    /// The file is no longer probed.
    /// - Returns: Where a loader of the host finds it, and by what numbers maps called it.
    mutating func forget(_ file: UInt32) -> (path: String?, identities: Set<FileIdentity>) {
        guard let life = lives.removeValue(forKey: file) else { return (nil, []) }
        for container in life.containers { filesByContainer[container]?.remove(file) }
        return (life.path, life.identities)
    }

    /// What a sweep is to look at; nil where nothing is in doubt.
    func sweep() -> ProbeSweep? {
        var sweep = ProbeSweep(startedAt: Clock.monotonic)
        for (file, life) in lives where life.containers.isEmpty {
            if let path = life.path {
                sweep.installed.append((file, path))
            } else {
                sweep.doubtful.append(
                    ProbeSweep.Doubtful(file: file, identities: life.identities, witness: life.witness))
            }
        }
        return sweep.installed.isEmpty && sweep.doubtful.isEmpty ? nil : sweep
    }

    /// Takes in what a sweep found.
    /// - Returns: Files that nobody needs any more, and by what numbers maps called them; they are forgotten.
    mutating func apply(_ findings: ProbeSweep.Findings) -> [(file: UInt32, identities: Set<FileIdentity>)] {
        for file in findings.replaced { lives[file]?.path = nil }
        var released: [(file: UInt32, identities: Set<FileIdentity>)] = []
        for (file, witness) in findings.witnesses {
            guard var life = lives[file], life.containers.isEmpty, life.path == nil else { continue }
            if let witness {
                life.witness = witness
                life.misses = 0
            } else if life.mappedAt < findings.startedAt {
                life.misses += 1
            }
            lives[file] = life
            if life.misses >= Self.enoughMisses {
                lives[file] = nil
                released.append((file, life.identities))
            }
        }
        return released
    }
}
