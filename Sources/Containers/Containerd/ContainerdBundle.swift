/// Where a bundle of containerd's lies: `STATE/io.containerd.runtime.v2.task/NAMESPACE/ID`.
struct ContainerdBundle: Equatable, Sendable {
    /// `STATE/io.containerd.runtime.v2.task`.
    let tasks: String
    /// containerd's own, not Kubernetes': "k8s.io", "default", "moby".
    let namespace: String
    let id: String

    var path: String { "\(tasks)/\(namespace)/\(id)" }

    init(tasks: String, namespace: String, id: String) {
        self.tasks = tasks
        self.namespace = namespace
        self.id = id
    }

    /// - Returns: nil for a path that is no bundle's of containerd.
    init?(path: String) {
        let components = path.split(separator: "/", omittingEmptySubsequences: true)
        guard path.hasPrefix("/"), components.count >= 3, Self.isTaskFolder(components[components.count - 3]),
            let id = components.last, Self.isIdentifier(id)
        else { return nil }
        self.init(
            tasks: "/" + components.dropLast(2).joined(separator: "/"),
            namespace: String(components[components.count - 2]), id: String(id))
    }

    /// The plugin's name names the folder; `io.containerd.runtime.v1.linux` is that of the first shims.
    static func isTaskFolder(_ name: some StringProtocol) -> Bool {
        name.hasPrefix("io.containerd.runtime.")
    }

    /// Whether this can be an id or a namespace (containerd, pkg/identifiers/validate.go): never a path, nor the
    /// leading dot of a bundle that is being deleted.
    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        let bytes = text.utf8
        guard bytes.count <= 76, let first = bytes.first, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || separators.contains($0) }
    }

    private static let separators = Array("._-".utf8)

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
