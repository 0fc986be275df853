internal import OS
internal import Synchronization

/// The runtimes of this host as they come and go: they are looked for again where a container is met that none of them
/// knows. For any thread that may wait.
public final class RuntimeRegistry: Sendable {
    private struct State {
        var runtimes: ContainerRuntimes
        /// CLOCK_MONOTONIC, nanoseconds.
        var lookedAt: Int64
    }

    /// A look walks over all processes; containers that no runtime knows may come thick.
    private static let pause: Int64 = 1_000_000_000

    private let state: Mutex<State>

    public init(_ runtimes: ContainerRuntimes) {
        state = Mutex(State(runtimes: runtimes, lookedAt: Clock.monotonic))
    }

    /// Those that are known now.
    public var current: ContainerRuntimes { state.withLock(\.runtimes) }

    /// As `ContainerRuntimes.container(atCgroup:madeBy:)`.
    public func container(atCgroup path: String, madeBy maker: Int32? = nil) -> ContainerResolution? {
        let found = current.container(atCgroup: path, madeBy: maker)
        guard let found, !found.isKnown, found.failure == nil, let runtimes = lookAgain() else { return found }
        return runtimes.container(atCgroup: path, madeBy: maker) ?? found
    }

    /// - Returns: nil where the last look was just now.
    private func lookAgain() -> ContainerRuntimes? {
        let isDue = state.withLock { state in
            guard Clock.monotonic - state.lookedAt > Self.pause else { return false }
            state.lookedAt = Clock.monotonic
            return true
        }
        guard isDue else { return nil }
        let runtimes = ContainerRuntimes.discover()
        state.withLock { $0.runtimes = runtimes }
        return runtimes
    }
}
