internal import OS

/// The containers of every containerd of this host and of all its namespaces, by the bundles that its shims run: pods'
/// (namespace "k8s.io"), nerdctl's, `ctr run`'s, and Docker's ("moby") where Docker's own state does not tell of them.
public struct ContainerdRuntime: ContainerRuntime {
    public let states: [ContainerdState]

    public var name: RuntimeName { .containerd }

    /// By the daemons and shims among the runtimes' processes, and the usual folder.
    public init(_ processes: [RuntimeProcess]) {
        states = ContainerdState.among(processes) { path in
            // Without it, and with one that can't be read, the daemon's default holds.
            (try? Files.readRegular(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    init(states: [ContainerdState]) {
        self.states = states
    }

    public func bundlePath(ofContainer id: String) -> String? {
        // One that can't be looked for is told of by `container`.
        states.lazy.compactMap { try? $0.bundle(ofContainer: id)?.path }.first
    }

    public func container(_ clue: ContainerClue) throws -> Container? {
        if let bundle = clue.bundle {
            return ContainerdBundle(path: bundle.path).map {
                Self.container($0, annotations: bundle.annotations, podUID: clue.podUID)
            }
        }
        for state in states {
            if let bundle = try state.bundle(ofContainer: clue.id) {
                let annotations = try OCIBundle(path: bundle.path).annotations
                return Self.container(bundle, annotations: annotations, podUID: clue.podUID)
            }
        }
        return nil
    }

    public func containers() -> ContainerListing {
        var listing = ContainerListing()
        for state in states {
            do {
                for bundle in try state.bundles() { Self.add(bundle, to: &listing) }
            } catch {
                listing.failures.append(error)
            }
        }
        return listing
    }

    private static func add(_ bundle: ContainerdBundle, to listing: inout ContainerListing) {
        var annotations: [String: String] = [:]
        do {
            annotations = try OCIBundle(path: bundle.path).annotations
        } catch let error as SystemError where error.isNotFound {
            // It is being made, or was removed meanwhile.
            return
        } catch {
            listing.failures.append(error)
        }
        var container = container(bundle, annotations: annotations)
        container.initPid = OCIBundle.initPid(inBundle: bundle.path)
        listing.containers.append(container)
    }

    static func container(
        _ bundle: ContainerdBundle, annotations: [String: String], podUID: String? = nil
    ) -> Container {
        let kubernetes = KubernetesContainer(criAnnotations: annotations, podUID: podUID)
        return Container(
            // Only dockerd uses this namespace.
            runtime: bundle.namespace == "moby" ? .docker : .containerd,
            id: bundle.id,
            name: Container.name(kubernetes?.containerName ?? annotations["nerdctl/name"], id: bundle.id),
            // containerd 2 names the sandbox's as well; that of `ctr run` is in its database alone.
            imageName: annotations["io.kubernetes.cri.image-name"]
                ?? annotations["io.kubernetes.cri.podsandbox.image-name"],
            kubernetes: kubernetes,
            bundlePath: bundle.path)
    }
}
