internal import OS
internal import Processes

/// CRI-O's containers, from their bundles: `RUNROOT/DRIVER-containers/ID/userdata`, whose annotations hold all that
/// Kubernetes told of them (cri-o, internal/config/…/annotations; server/container_create.go).
public struct CRIORuntime: ContainerRuntime {
    /// Where bundles are: "/run/containers/storage/overlay-containers".
    private let folders: [String]
    private let commands: [String: ConmonCommand]

    public var name: RuntimeName { .crio }

    /// The usual run root, and those of the conmons that run.
    public init(_ processes: [RuntimeProcess]) {
        self.init(processes, runRoots: ["/run/containers/storage"])
    }

    init(_ processes: [RuntimeProcess], runRoots: [String]) {
        let commands = processes.filter { $0.comm == Monitor.comm && $0.uid == 0 }.compactMap(ConmonCommand.init)
            .filter { !$0.isExec && $0.runtime == .crio }
        self.commands = Dictionary(commands.map { ($0.id, $0) }) { $1 }
        var folders = runRoots.flatMap(ContainerStore.all).map(\.folder)
        for folder in commands.compactMap(\.storeFolder) where !folders.contains(folder) { folders.append(folder) }
        self.folders = folders
    }

    public func bundlePath(ofContainer id: String) -> String? {
        guard CgroupPath.isContainerID(id) else { return nil }
        return folders.lazy.map { "\($0)/\(id)/userdata" }.first { Files.exists($0 + "/config.json") }
    }

    public func container(_ clue: ContainerClue) throws -> Container? {
        if let hint = clue.hint, ![.crio, .runc, .crun].contains(hint) { return nil }
        if let bundle = clue.bundle { return container(clue.id, bundle) }
        guard clue.hint == .crio, let path = bundlePath(ofContainer: clue.id) else { return nil }
        return container(clue.id, try OCIBundle(path: path))
    }

    public func containers() -> ContainerListing {
        var listing = ContainerListing()
        for folder in folders {
            do {
                for id in try Files.names(in: folder) where CgroupPath.isContainerID(id) {
                    do {
                        let bundle = try OCIBundle(path: "\(folder)/\(id)/userdata")
                        if let container = container(id, bundle) { listing.containers.append(container) }
                    } catch let error as SystemError where error.isNotFound {
                        // Removed meanwhile, or not Kubernetes' at all.
                        continue
                    } catch {
                        listing.failures.append(error)
                    }
                }
            } catch {
                listing.failures.append(error)
            }
        }
        return listing
    }

    /// - Returns: nil for a bundle of another manager's.
    private func container(_ id: String, _ bundle: OCIBundle) -> Container? {
        let annotations = bundle.annotations
        // Podman's bundles have some of CRI-O's annotations too.
        guard annotations["io.container.manager"] == "cri-o" || annotations["io.kubernetes.cri-o.ContainerID"] == id
        else { return nil }
        let kubernetes = KubernetesContainer(labels: annotations)
        let name = annotations["io.kubernetes.container.name"] ?? annotations["io.kubernetes.cri-o.ContainerName"]
        return Container(
            runtime: .crio, id: id, name: Container.name(name ?? commands[id]?.name, id: id),
            imageName: ["ImageName", "UserRequestedImage", "Image"].lazy
                .compactMap { annotations["io.kubernetes.cri-o." + $0] }.first { !$0.isEmpty },
            initPid: OCIBundle.initPid(inBundle: bundle.path), kubernetes: kubernetes, bundlePath: bundle.path)
    }
}
