internal import OS
internal import Processes

/// Containers that runc or crun keep for a user who calls them himself (`runc run web`). What Docker, containerd, CRI-O
/// and Podman have them keep shows in their folders too, or in others: those runtimes stand before this one.
public struct OCIRuntime: ContainerRuntime {
    public let name: RuntimeName
    /// Where state is kept, each once.
    let roots: [OCIStateFolder]
    private let readings: UserReadings

    /// The usual folders, and those that running commands name.
    /// - Parameter listsUsers: Whether their lists have what users keep.
    public static func all(_ processes: [RuntimeProcess], listsUsers: Bool = true) -> [OCIRuntime] {
        let users = listsUsers ? usersRoots : [:]
        return [
            OCIRuntime(.runc, .runc, roots(of: "runc", processes) + users["runc", default: []]),
            OCIRuntime(.crun, .crun, roots(of: "crun", processes) + users["crun", default: []]),
        ]
    }

    /// Those that know nothing but what users keep.
    static func ofUsers() -> [OCIRuntime] {
        let roots = usersRoots
        return [
            OCIRuntime(.runc, .runc, roots["runc", default: []]), OCIRuntime(.crun, .crun, roots["crun", default: []]),
        ]
    }

    /// By program.
    private static var usersRoots: [String: [(path: String, owner: UInt32)]] {
        let users = OCIStateFolder.users(in: "/run/user")
        return Dictionary(
            uniqueKeysWithValues: ["runc", "crun"].map { program in
                (program, users.map { ("/run/user/\($0)/\(program)", $0) })
            })
    }

    init(
        _ name: RuntimeName, _ format: OCIState.Format, _ roots: [(path: String, owner: UInt32)],
        readings: UserReadings = .host
    ) {
        self.name = name
        self.readings = readings
        var folders: [OCIStateFolder] = []
        for root in roots {
            let folder = OCIStateFolder(path: root.path, owner: root.owner, format: format)
            if !folders.contains(folder) { folders.append(folder) }
        }
        self.roots = folders
    }

    /// runc: `--root`, else /run/runc, for users $XDG_RUNTIME_DIR/runc (runc, main.go); crun the same with its own
    /// name (crun, src/libcrun/status.c).
    private static func roots(
        of program: String, _ processes: [RuntimeProcess]
    ) -> [(path: String, owner: UInt32)] {
        let named = processes.compactMap { process -> (path: String, owner: UInt32)? in
            guard let invocation = OCIInvocation(process), invocation.program == program, let root = invocation.root,
                // In another mount namespace the path may be another folder.
                ProcessRecord.mountNamespace(of: process.pid) == ProcessRecord.mountNamespace(of: Int32(Host.pid))
            else { return nil }
            return (root, process.uid)
        }
        return [("/run/" + program, 0)] + named
    }

    /// The clue is believed: its hint comes from the command line that makes the container, before which there is no
    /// state, or from a scope that only these programs call so.
    public func container(_ clue: ContainerClue) throws -> Container? {
        guard clue.hint == name else { return nil }
        var container = Container(
            runtime: name, id: clue.id, name: Container.shortID(clue.id), bundlePath: clue.bundle?.path,
            cgroupPath: clue.cgroupPath)
        // There later, or in a folder that nobody told of; then the clue is all.
        for root in roots where root.owner == 0 {
            guard let state = try root.state(ofContainer: clue.id) else { continue }
            container.initPid = state.initPid
            container.bundlePath = container.bundlePath ?? state.bundlePath
            break
        }
        return container
    }

    public func containers() -> ContainerListing { containers(except: []) }

    /// Of Podman's containers this runtime has state too, 0.15 ms to read for each.
    public func containers(except listed: Set<String>) -> ContainerListing {
        // Where none are mounted there are no containers either.
        let layout = try? CgroupLayout.current()
        var listing = ContainerListing()
        for root in roots where root.owner == 0 {
            do {
                for result in try ids(root, except: listed).concurrentMap({ id in
                    Result { try root.state(ofContainer: id).map { container($0, in: root, layout) } }
                }) {
                    switch result {
                    case .success(let container): listing.containers += [container].compactMap(\.self)
                    case .failure(let error): listing.failures.append(error)
                    }
                }
            } catch {
                listing.failures.append(error)
            }
        }
        let users = Dictionary(grouping: roots.filter { $0.owner != 0 }, by: \.owner)
        let read = readings.results(of: users.keys.sorted()) { user in
            containers(in: users[user] ?? [], except: listed, layout)
        }
        for (user, folders) in users.sorted(by: { $0.key < $1.key }) {
            if let own = read[user] {
                listing.containers += own.containers
                listing.failures += own.failures
            } else if let folder = folders.first {
                listing.failures.append(SystemError("read", folder.path, code: 0, hint: "it can't be read in time."))
            }
        }
        return listing
    }

    private func ids(_ root: OCIStateFolder, except listed: Set<String>) throws(SystemError) -> [String] {
        try root.ids().filter { id in
            !(listed.contains(Container.ownID(id, ofUser: root.owner)) && CgroupPath.isContainerID(id))
        }
    }

    private static let mostFailuresOfUser = 4

    private static func tooMuch(_ folder: OCIStateFolder) -> SystemError {
        SystemError(
            "read all of", folder.path, code: 0,
            hint: "of each user a share is read, in containers, bytes and time.")
    }

    /// What one user keeps, as far as the budget allows.
    private func containers(
        in folders: [OCIStateFolder], except listed: Set<String>, _ layout: CgroupLayout?
    ) -> ContainerListing {
        var listing = ContainerListing()
        // Sooner than it is not waited for any more.
        var budget = OCIStateFolder.Budget(deadline: Clock.monotonic + readings.patience * 600_000)
        for folder in folders {
            do {
                let ids = try ids(folder, except: listed)
                for id in ids {
                    guard !budget.isUsedUp else { throw Self.tooMuch(folder) }
                    do {
                        let state = try folder.state(ofContainer: id, &budget)
                        if let state { listing.containers.append(container(state, in: folder, layout)) }
                    } catch {
                        listing.failures.append(error)
                    }
                }
                if ids.count >= OCIStateFolder.Budget.mostEntries { throw Self.tooMuch(folder) }
            } catch {
                // It says the most.
                listing.failures.insert(error, at: 0)
            }
        }
        let most = Self.mostFailuresOfUser
        if let folder = folders.first, listing.failures.count > most {
            let more = listing.failures.count - most
            listing.failures =
                listing.failures.prefix(most) + [
                    SystemError("read", folder.path, code: 0, hint: "\(more) more of its files are not as expected.")
                ]
        }
        return listing
    }

    private func container(_ state: OCIState, in root: OCIStateFolder, _ layout: CgroupLayout?) -> Container {
        Container(
            runtime: name, id: state.id, name: Container.shortID(state.id), initPid: state.initPid,
            // A bundle and a cgroup that a user names may be anybody's.
            bundlePath: root.owner == 0 ? state.bundlePath : nil,
            cgroupPath: root.owner == 0 && state.initPid != nil ? layout.flatMap(state.cgroupPath) : nil
        ).owned(by: root.owner)
    }

    public func bundlePath(ofContainer id: String) -> String? {
        for root in roots where root.owner == 0 {
            // Its failure is told by `container(_:)`.
            if let state = try? root.state(ofContainer: id) { return state.bundlePath }
        }
        return nil
    }
}
