import Foundation
import Testing

extension Docker {
    /// Runs a container to its end while sniscope traces it, on the host's network.
    /// - Parameters:
    ///   - options: Of `docker run`.
    ///   - succeeds: Whether its command must.
    ///   - introduction: What runs in a container of its own before, so that the program is known by then.
    /// - Returns: The events of that name.
    func events(
        named name: String, in container: String, options: [String] = [], _ command: [String], succeeds: Bool = true,
        after introduction: [String] = []
    ) async throws -> [Event] {
        await remove([container])
        let tracer = try await Tracer("-r", "docker", "-c", container)
        defer { tracer.stop() }
        do {
            if !introduction.isEmpty { try await self(["run", "--rm", "--name", container] + introduction) }
            try await self(["run", "--rm", "--network", "host", "--name", container] + options + command)
        } catch  where !succeeds {
        }
        try await tracer.event(named: name)
        let events = try await tracer.finish().filter { $0.name == name }
        for event in events { expect(event, in: container) }
        return events
    }

    func expect(_ event: Event, in container: String) {
        #expect(event.runtime?.runtimeName == "docker")
        #expect(event.runtime?.containerName == container)
    }
}
