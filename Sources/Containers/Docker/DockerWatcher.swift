/// What a Docker daemon tells while it is watched.
public enum DockerChange: Equatable, Sendable {
    /// The daemon answers. What it has comes next as `appeared`.
    case connected
    /// The daemon does not answer, or no more. Told once, and again only when the kind of failure changes.
    case disconnected(DockerError)
    /// A container that was not known. It need not run; its `initPid` is nil.
    case appeared(Container)
    case started(id: String)
    case stopped(id: String)
    case renamed(id: String, name: String)
    case removed(id: String)
}

/// Keeps up with one Docker daemon: lists its containers, follows its events, and comes back when the daemon does.
public struct DockerWatcher: Sendable {
    private let client: DockerClient
    private let onChange: @Sendable (DockerChange) -> Void

    /// Between attempts to connect.
    private static let shortestPause: Duration = .milliseconds(250)
    private static let longestPause: Duration = .seconds(2)

    /// - Parameter onChange: Called by one task, in order; while it runs, nothing more is read.
    public init(client: DockerClient, onChange: @escaping @Sendable (DockerChange) -> Void) {
        self.client = client
        self.onChange = onChange
    }

    /// Watches until the task is cancelled.
    public func run() async {
        var state = State()
        while !Task.isCancelled {
            let failure: DockerError
            do {
                failure = try await follow(&state)
            } catch let error as DockerError {
                failure = error
            } catch {
                failure = DockerError(
                    kind: .failed, operation: "follow the events of", socket: client.socket, reason: "\(error)")
            }
            if Task.isCancelled { return }
            if state.lastFailure != failure.kind {
                state.lastFailure = failure.kind
                onChange(.disconnected(failure))
            }
            // Cancelled: the loop's condition ends it.
            try? await Task.sleep(for: state.pause)
            state.pause = min(state.pause * 2, Self.longestPause)
        }
    }

    /// What outlives a connection.
    private struct State {
        /// Names by id, as they were last told.
        var names: [String: String] = [:]
        var lastFailure: DockerError.Kind?
        var pause = DockerWatcher.shortestPause
    }

    /// - Returns: Why it ended, where the daemon ended it in good order.
    private func follow(_ state: inout State) async throws -> DockerError {
        try await client.withEvents { events in
            // The list is asked for when the events already flow: what changes in between comes twice, never not at all.
            try await compare(client.list(), &state)
            while let event = try await events.next() { handle(event, &state) }
        }
        return DockerError(
            kind: .failed, operation: "follow the events of", socket: client.socket, reason: "it ended the stream")
    }

    private func compare(_ containers: [Container], _ state: inout State) {
        state.lastFailure = nil
        state.pause = Self.shortestPause
        onChange(.connected)
        let listed = Set(containers.map(\.id))
        for id in state.names.keys.sorted() where !listed.contains(id) { remove(id, &state) }
        for container in containers { appear(container, &state) }
    }

    private func handle(_ event: DockerEvent, _ state: inout State) {
        if event.action == .destroy { return remove(event.id, &state) }
        appear(event.container, &state)
        switch event.action {
        case .start: onChange(.started(id: event.id))
        case .die: onChange(.stopped(id: event.id))
        case .create, .rename, .destroy: break
        }
    }

    /// Tells of a container that is new, or has a new name.
    private func appear(_ container: Container, _ state: inout State) {
        switch state.names.updateValue(container.name, forKey: container.id) {
        case nil: onChange(.appeared(container))
        case container.name: break
        case .some: onChange(.renamed(id: container.id, name: container.name))
        }
    }

    private func remove(_ id: String, _ state: inout State) {
        if state.names.removeValue(forKey: id) != nil { onChange(.removed(id: id)) }
    }
}
