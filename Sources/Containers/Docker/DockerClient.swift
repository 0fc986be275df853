internal import NIOCore
internal import NIOHTTP1

/// Docker's API over its unix socket (Docker Engine API, v1.41 and others). Answers are not trusted: they are bounded
/// in size and time, and nonsense is an error. A container is never inspected: that takes 36–57 ms while it starts.
public struct DockerClient: Sendable {
    /// A path, such as /var/run/docker.sock.
    public let socket: String
    /// For the head of an answer, and for the whole of one that does not stream.
    let timeout: Duration

    /// Bytes.
    static let largestList = 64 << 20
    static let largestEvent = 1 << 20

    public init(socket: String, timeout: Duration = .seconds(10)) {
        self.socket = socket
        self.timeout = timeout
    }

    /// All containers, running or not. This answer has no pids.
    public func list() async throws(DockerError) -> [Container] {
        let entries = try await get([ListEntry].self, "/containers/json?all=true", operation: "list the containers of")
        return entries.map { entry in
            Container(
                runtime: .docker, id: entry.id, name: Container.name(entry.ownName, id: entry.id),
                imageName: entry.image, kubernetes: KubernetesContainer(labels: entry.labels ?? [:]))
        }
    }

    /// The daemon's data root.
    public func dataRoot() async throws(DockerError) -> String {
        try await get(Info.self, "/info", operation: "ask for the data root of").dataRoot
    }

    /// Follows what happens to containers. When `body` is called the daemon has begun to send: whatever happens from
    /// then on comes. `body` must not keep `events`; the connection ends with it, or with the task's cancellation.
    public func withEvents<Result: Sendable>(
        _ body: (inout DockerEvents) async throws -> Result
    ) async throws -> Result {
        let operation = "follow the events of"
        do {
            return try await UnixHTTP(socket: socket, timeout: timeout).get(Self.eventsTarget) { answer in
                answer.liftDeadline()
                var events = DockerEvents(lines: LineReader(answer, limit: Self.largestEvent), socket: socket)
                return try await body(&events)
            }
        } catch {
            throw self.error(error, operation)
        }
    }

    /// `{"type":["container"],"event":["create","start","rename","die","destroy"]}`: health checks make two events of
    /// other kinds a run.
    private static let eventsTarget =
        "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B"
        + "%22create%22%2C%22start%22%2C%22rename%22%2C%22die%22%2C%22destroy%22%5D%7D"

    private func get<Value: Decodable>(
        _ type: Value.Type, _ target: String, operation: String
    ) async throws(DockerError) -> Value {
        do {
            let json = try await UnixHTTP(socket: socket, timeout: timeout).get(target) { answer in
                try await answer.all(limit: Self.largestList)
            }
            return try JSONFile.decode(type, from: json, of: "the answer")
        } catch {
            throw self.error(error, operation)
        }
    }

    private func error(_ error: any Error, _ operation: String) -> DockerError {
        let (kind, reason): (DockerError.Kind, String) =
            switch error {
            case let error as DockerError: (error.kind, error.reason)
            case let error as UnixHTTP.Failure: (error.kind, error.reason)
            case let error as StateError: (.nonsense, error.reason)
            // What a daemon that stops leaves of an endless answer.
            case HTTPParserError.invalidEOFState: (.failed, "it closed the connection")
            case is HTTPParserError: (.nonsense, "the answer is not HTTP")
            case is CancellationError: (.failed, "it was cancelled")
            case let error as IOError: (UnixHTTP.kind(of: error), UnixHTTP.reason(of: error))
            default: (.failed, "\(error)")
            }
        return DockerError(kind: kind, operation: operation, socket: socket, reason: reason)
    }

    private struct ListEntry: Decodable {
        let id: String
        let names: [String]?
        let image: String?
        let labels: [String: String]?

        enum CodingKeys: String, CodingKey {
            case id = "Id"
            case names = "Names"
            case image = "Image"
            case labels = "Labels"
        }

        /// Links give a container more names, "/other/alias".
        var ownName: String? {
            names?.first { $0.dropFirst().allSatisfy { $0 != "/" } } ?? names?.first
        }
    }

    private struct Info: Decodable {
        let dataRoot: String
        enum CodingKeys: String, CodingKey { case dataRoot = "DockerRootDir" }
    }
}
