public import Containers
public import Inspection
internal import LibBPF
public import OS
public import Processes
public import TLSLibraries

/// A file with a TLS library in it, and who maps it.
public struct ListedFile: Sendable {
    /// As its first process sees it.
    public let path: String
    public let isDeleted: Bool
    public let report: FileReport
    public let users: [ListedUser]
    /// nil: it can be traced.
    public let reason: String?

    /// Each once, by name.
    public var containers: [Container] {
        var seen: Set<String> = []
        return users.compactMap(\.container).filter { seen.insert($0.ownID).inserted }
            .sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// The same file, with some of its users.
    public func with(users: [ListedUser]) -> ListedFile {
        ListedFile(path: path, isDeleted: isDeleted, report: report, users: users, reason: reason)
    }
}

/// A process that maps a file.
public struct ListedUser: Sendable {
    public let pid: Int32
    public let comm: String
    public let uid: UInt32
    /// nil for a process of the host.
    public let container: Container?
}

/// Every TLS library that processes map now.
public struct LibraryList: Sendable {
    public let files: [ListedFile]
    /// Processes whose mappings may not be read, by reason.
    public let refusals: [ProcessScan.Refusal]
    /// Files that could not be looked into.
    public let unreadable: [SystemError]

    /// Looks into every file that is mapped executable. Nothing is attached.
    /// - Parameters:
    ///   - pids: nil: every process.
    ///   - files: These alone; nil: every file.
    /// - Throws: `SystemError`; `SessionError` for a file in a container that does not run.
    public init(
        _ inspector: FileInspector, pids: [Int32]?, files targets: [FileTarget]? = nil
    ) throws {
        let scan = try pids.map { ProcessScan.run(pids: $0) } ?? ProcessScan.run()
        var users = Users()
        // Not to be had without privileges: files that several overlays show are listed for each then.
        let identifier = InodeIdentifier.ofThisKernel
        let wanted = try targets.map {
            Set(try FileTarget.opened($0).map { InodeIdentity(of: $0, identifier: identifier) })
        }
        var places: [InodeIdentity: Int] = [:]
        var files: [Draft] = []
        var unreadable: [SystemError] = []
        var hungDevices: Set<UInt64> = []
        let memory = MemoryQuestions.byOwner()
        memory.held.note(scan.unanswered)
        let copiers = scan.copiers
        for mapped in scan.files where !hungDevices.contains(mapped.identity.device) {
            let known = places
            let answering = mapped.with(users: memory.held.answering(mapped.users))
            if let user = mapped.users.first, answering.users.isEmpty {
                let harm = HarmfulProbe(path: mapped.path, pid: user.pid, copier: .held)
                unreadable.append(SystemError("read", mapped.path, code: 0, hint: harm.reason))
                continue
            }
            // The file system may be a FUSE daemon's that hangs.
            let look = try Threads.result(idleFor: Self.patienceWithFile) { () -> Result<Look?, SystemError> in
                Result { () throws(SystemError) in
                    let file = try ProcessFile.open(answering)
                    let identity = InodeIdentity(of: file, identifier: identifier)
                    if let wanted, !wanted.contains(identity) { return nil }
                    if known[identity] != nil { return Look(identity: identity, report: nil, harm: nil) }
                    guard let report = try inspector.report(file, path: mapped.path, open: opener(of: answering)),
                        !report.libraries.isEmpty
                    else { return nil }
                    let places = MappedCode.places(
                        in: file, at: report.libraries.flatMap(\.functions).map(\.probeOffset))
                    let user =
                        mapped.users.lazy.compactMap { user in
                            copiers[user.pid].map { HarmfulProbe.User(pid: user.pid, copier: $0) }
                        }.first
                        ?? HarmfulProbe.Question(
                            .init(path: mapped.path, identity: mapped.identity, users: mapped.users), memory
                        ).users(places).first
                    let harm = user.map { HarmfulProbe(path: mapped.path, pid: $0.pid, copier: $0.copier) }
                    return Look(identity: identity, report: report, harm: harm)
                }
            }
            switch look {
            case .success(let look?):
                if let place = places[look.identity] {
                    files[place].pids += mapped.users.map(\.pid)
                } else if let report = look.report {
                    places[look.identity] = files.count
                    files.append(Draft(file: mapped, report: report, pids: mapped.users.map(\.pid), harm: look.harm))
                }
            case .success(nil):
                continue
            case .failure(let error):
                if !error.isNotFound { unreadable.append(error) }
            case nil:
                memory.held.askLater(mapped.users.map(\.pid))
                // A disk's answers: its major number is not 0.
                let isDisk = mapped.identity.device >> 20 != 0
                if !isDisk { hungDevices.insert(mapped.identity.device) }
                unreadable.append(
                    SystemError(
                        "read", mapped.path, code: 0,
                        hint: isDisk
                            ? "the disk, or a process that maps it, does not answer."
                            : "its file system does not answer; nor is anything else on it inspected."))
            }
        }
        self.files = files.map { $0.listed(&users) }
        refusals = scan.refusals
        self.unreadable = unreadable
    }

    /// Milliseconds.
    private static let patienceWithFile = 5000

    private struct Look: Sendable {
        let identity: InodeIdentity
        /// nil for a file that is known by another of its names.
        let report: FileReport?
        /// What a probe would do to a process.
        let harm: HarmfulProbe?
    }

    private struct Draft {
        let file: ProcessScan.File
        let report: FileReport
        var pids: [Int32]
        var harm: HarmfulProbe?

        func listed(_ users: inout Users) -> ListedFile {
            ListedFile(
                path: file.path, isDeleted: file.isDeleted, report: report,
                users: pids.sorted().compactMap { users.user($0) },
                reason: report.reasonUntraced ?? harm?.reason)
        }

    }
}

/// Processes are looked up once, though most use several files, and only as far as they are listed: each read of /proc
/// counts with thousands of them.
private struct Users {
    /// nil before the first process: finding the runtimes is a walk over all processes.
    private var containers: ContainerSnapshot?
    /// nil for a process that has ended.
    private var known: [Int32: ListedUser?] = [:]

    /// nil for a process that has ended meanwhile: it uses nothing any more.
    mutating func user(_ pid: Int32) -> ListedUser? {
        if let user = known[pid] { return user }
        let user: ListedUser?
        if let status = try? ProcessStatus(pid: pid), let uid = try? ProcessRecord.credentials(of: pid).uid {
            user = ListedUser(
                pid: pid, comm: status.comm, uid: uid, container: container(of: pid))
        } else {
            user = nil
        }
        known.updateValue(user, forKey: pid)
        return user
    }

    private mutating func container(of pid: Int32) -> Container? {
        var containers = self.containers ?? ContainerSnapshot()
        defer { self.containers = containers }
        return containers.container(ofProcess: pid)
    }
}

extension FileInspector {
    /// nil for what is no ELF file, or one so damaged that no loader takes a library from it.
    fileprivate func report(
        _ file: RegularFile, path: String, open: @escaping (String) -> RegularFile?
    ) throws(SystemError) -> FileReport? {
        do {
            return try inspect(file, path: path, openNeeded: Siblings.opener(of: path, open))
        } catch let error as SystemError {
            throw error
        } catch InspectionError.damaged {
            // What tells the version may be damaged alone.
            return try? findLibraries(in: file, isHostView: false)
        } catch {
            throw SystemError("search", path, code: 0, hint: "\(error).")
        }
    }
}

/// Opens another file as the first process that maps `file` sees it.
private func opener(of file: ProcessScan.File) -> (String) -> RegularFile? {
    { path in file.users.first.flatMap { try? ProcessFile.open(pid: $0.pid, path: path) } }
}
