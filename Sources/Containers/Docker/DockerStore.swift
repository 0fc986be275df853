internal import OS

/// The containers of one Docker data root, as dockerd keeps them: `containers/ID/config.v2.json`. Reading one takes
/// 0.3 ms and no daemon; the file is there before the container's cgroup is.
public struct DockerStore: Equatable, Sendable {
    /// /var/lib/docker by default.
    public let dataRoot: String

    public init(dataRoot: String) {
        self.dataRoot = dataRoot
    }

    /// - Returns: nil where the store has no such container.
    /// - Throws: `SystemError`, `StateError`.
    public func container(id: String) throws -> Container? {
        // The id becomes part of a path.
        guard CgroupPath.isContainerID(id) else { return nil }
        let path = "\(dataRoot)/containers/\(id)/config.v2.json"
        let json: [UInt8]
        do throws(SystemError) {
            json = try Files.readRegular(path, limit: 16 << 20)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        return try Self.container(id: id, json: json, of: path)
    }

    /// The ids of all containers, running or not.
    public func ids() throws -> [String] {
        try Files.names(in: dataRoot + "/containers").filter(CgroupPath.isContainerID)
    }

    static func container(id: String, json: [UInt8], of path: String) throws(StateError) -> Container {
        let record = try JSONFile.decode(Record.self, from: json, of: path)
        let name = Container.name(record.name, id: id)
        let pid = record.state?.isRunning == true ? record.state?.pid : nil
        return Container(
            runtime: .docker, id: id, name: name, imageName: record.config?.image,
            initPid: pid.flatMap { $0 > 0 ? $0 : nil },
            kubernetes: KubernetesContainer(labels: record.config?.labels ?? [:]))
    }

    /// moby, daemon/container/container.go.
    private struct Record: Decodable {
        struct State: Decodable {
            let isRunning: Bool?
            let pid: Int32?
            enum CodingKeys: String, CodingKey {
                case isRunning = "Running"
                case pid = "Pid"
            }
        }
        struct Config: Decodable {
            let image: String?
            let labels: [String: String]?
            enum CodingKeys: String, CodingKey {
                case image = "Image"
                case labels = "Labels"
            }
        }
        let name: String?
        let state: State?
        let config: Config?
        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case state = "State"
            case config = "Config"
        }
    }
}
