internal import OS

/// The containers of one store of containers/storage, which Podman, CRI-O and Buildah share:
/// `ROOT/DRIVER-containers/containers.json`, and beside it those that a reboot ends
/// (containers/storage, containers.go).
struct ContainerStore: Equatable, Sendable {
    /// "/var/lib/containers/storage/overlay-containers".
    let folder: String

    /// The stores below a storage root, one for each storage driver that was ever used there.
    static func all(inRoot root: String) -> [ContainerStore] {
        // Without the folder nothing was ever stored there.
        let names = (try? Files.names(in: root)) ?? []
        return names.filter { $0.hasSuffix("-containers") }.sorted().map { ContainerStore(folder: "\(root)/\($0)") }
    }

    /// Where a container's own files are, its bundle among them.
    func userData(ofContainer id: String) -> String { "\(folder)/\(id)/userdata" }

    /// A container as it is written down.
    struct Record: Sendable, Equatable {
        let id: String
        let name: String?
        let imageName: String?
        /// CRI-O's and not Podman's: its containers are all in pods of Kubernetes.
        let isKubernetes: Bool
    }

    /// All that are written down, running or not.
    /// - Parameter read: nil for a file that is not there.
    /// - Throws: `SystemError`, `StateError`.
    func records(read: (String) throws -> [UInt8]? = Self.read) throws -> [Record] {
        try ["containers.json", "volatile-containers.json"].flatMap { name in
            let path = "\(folder)/\(name)"
            guard let json = try read(path) else { return [Record]() }
            return try Self.records(json: json, of: path)
        }
    }

    static func records(json: [UInt8], of path: String) throws(StateError) -> [Record] {
        guard !json.isEmpty else { return [] }
        return try JSONFile.decode([Entry]?.self, from: json, of: path)?.compactMap { entry in
            guard CgroupPath.isContainerID(entry.id) else { return nil }
            // Whoever uses the store writes there what he likes.
            let metadata = entry.metadata.flatMap {
                try? JSONFile.decode(Metadata.self, from: Array($0.utf8), of: path)
            }
            return Record(
                id: entry.id, name: entry.names?.first,
                imageName: metadata?.imageName.flatMap { $0.isEmpty ? nil : $0 },
                isKubernetes: !(metadata?.podName ?? "").isEmpty)
        } ?? []
    }

    private static func read(_ path: String) throws -> [UInt8]? {
        do throws(SystemError) {
            return try Files.readRegular(path, limit: 64 << 20)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    private struct Entry: Decodable {
        let id: String
        let names: [String]?
        /// JSON again.
        let metadata: String?
    }

    /// libpod, pkg/.../runtime.go and CRI-O, internal/storage/runtime.go: `RuntimeContainerMetadata`.
    private struct Metadata: Decodable {
        let imageName: String?
        let podName: String?
        enum CodingKeys: String, CodingKey {
            case imageName = "image-name"
            case podName = "pod-name"
        }
    }
}
