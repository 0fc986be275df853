/// Something that happened to a container (Docker Engine API, `GET /events`).
public struct DockerEvent: Equatable, Sendable {
    public enum Action: String, Sendable {
        case create, start, rename, die, destroy
    }

    public let action: Action
    public let id: String
    /// Without a slash; after a rename the new one.
    public let name: String
    public let imageName: String?
    let labels: [String: String]

    /// - Returns: nil for an action that is not known here.
    /// - Throws: for JSON that is no event.
    init?(json: [UInt8]) throws(StateError) {
        let message = try JSONFile.decode(Message.self, from: json, of: "an event")
        guard let action = Action(rawValue: message.action) else { return nil }
        self.action = action
        id = message.actor.id
        labels = message.actor.attributes ?? [:]
        name = Container.name(labels["name"], id: id)
        imageName = labels["image"]
    }

    var container: Container {
        Container(
            runtime: .docker, id: id, name: name, imageName: imageName,
            kubernetes: KubernetesContainer(labels: labels))
    }

    private struct Message: Decodable {
        struct Actor: Decodable {
            let id: String
            /// The container's labels are among them.
            let attributes: [String: String]?
            enum CodingKeys: String, CodingKey {
                case id = "ID"
                case attributes = "Attributes"
            }
        }
        let action: String
        let actor: Actor
        enum CodingKeys: String, CodingKey {
            case action = "Action"
            case actor = "Actor"
        }
    }
}

/// The events of a daemon as they come. They are taken one at a time: while nobody asks, the daemon waits.
public struct DockerEvents {
    var lines: LineReader
    let socket: String

    /// - Returns: The next event; nil when the daemon has ended the stream.
    /// - Throws: for nonsense.
    public mutating func next() async throws -> DockerEvent? {
        while let line = try await lines.next() {
            if let event = try DockerEvent(json: line) { return event }
        }
        return nil
    }
}
