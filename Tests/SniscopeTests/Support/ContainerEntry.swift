import Foundation

/// A line of `containers -o json`, with or without `-w`.
struct ContainerEntry: Decodable, Sendable {
    let type: String?
    let timestamp: String?
    let runtime: Event.Runtime
    let k8s: Event.Kubernetes?
    let running: Bool?
    let startedAt: String?
    let cgroup: String?
    let bundle: String?

    static func all(_ lines: Lines) throws -> [ContainerEntry] {
        try lines.all.filter { !$0.hasPrefix(#"{"type":"lost","#) }.map { line in
            do {
                return try JSONDecoder().decode(ContainerEntry.self, from: Data(line.utf8))
            } catch {
                throw Problem("not a container: \(line)\n\(error)")
            }
        }
    }
}

/// The time of an RFC 3339 text, to a second.
func date(_ text: String) -> Date? {
    ISO8601DateFormatter().date(from: text.prefix(19) + "Z")
}
