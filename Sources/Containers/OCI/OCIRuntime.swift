internal import OS
internal import Processes

/// Containers that runc or crun keep for a user who calls them himself (`runc run web`). What Docker, containerd, CRI-O
/// and Podman have them keep shows in their folders too, or in others: those runtimes stand before this one.
public struct OCIRuntime: ContainerRuntime {
    public let name: RuntimeName
    /// Where state is kept, each once.
    let roots: [OCIStateFolder]

    /// The usual folders, and those that running commands name.
    public static func all(_ processes: [RuntimeProcess]) -> [OCIRuntime] {
        let users = OCIStateFolder.users(in: "/run/user")
        return [
            OCIRuntime(.runc, .runc, roots(of: "runc", processes, users)),
            OCIRuntime(.crun, .crun, roots(of: "crun", processes, users)),
        ]
    }

    init(_ name: RuntimeName, _ format: OCIState.Format, _ roots: [(path: String, owner: UInt32)]) {
        self.name = name
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
        of program: String, _ processes: [RuntimeProcess], _ users: [UInt32]
    ) -> [(path: String, owner: UInt32)] {
        let named = processes.compactMap { process -> (path: String, owner: UInt32)? in
            guard let invocation = OCIInvocation(process), invocation.program == program, let root = invocation.root,
                // In another mount namespace the path may be another folder.
                ProcessRecord.mountNamespace(of: process.pid) == ProcessRecord.mountNamespace(of: Int32(Host.pid))
            else { return nil }
            return (root, process.uid)
        }
        return [("/run/" + program, 0)] + named + users.map { ("/run/user/\($0)/\(program)", $0) }
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
        var listing = ContainerListing()
        // Where none are mounted there are no containers either.
        let layout = try? CgroupLayout.current()
        for root in roots {
            do {
                let ids = try root.ids().filter { id in
                    !(listed.contains(Container.ownID(id, ofUser: root.owner)) && CgroupPath.isContainerID(id))
                }
                for result in ids.concurrentMap({ id in
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
