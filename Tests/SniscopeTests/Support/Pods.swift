import Foundation
import Testing

/// Kubernetes pods, made as the kubelet makes them: by a runtime's CRI. All are in the host's network.
struct Pods {
    let socket: String

    /// By the containerd that tests use.
    static let shared = Pods(socket: Containerd.shared.socket)

    /// containerd's own namespace for all that its CRI makes.
    static let namespace = "k8s.io"

    static let tool = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../tools/cri.py")
        .standardized.path

    /// Whether its daemon answers, and the tool works.
    var answers: Bool {
        get async { (try? await Program.run(Self.tool, socket, "ListContainers").end) == .exited(0) }
    }

    /// A pod that runs.
    struct Pod {
        let sandboxID: String
        fileprivate let configuration: SandboxConfiguration

        var uid: String { configuration.metadata.uid }
    }

    /// Starts a pod with no container but its sandbox.
    func run(_ name: String, namespace: String, sharesProcesses: Bool = false) async throws -> Pod {
        let uid = UUID().uuidString.lowercased()
        let options = NamespaceOptions(network: .node, pid: sharesProcesses ? .pod : .container)
        let configuration = SandboxConfiguration(
            metadata: .init(name: name, uid: uid, namespace: namespace),
            labels: [
                "io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": uid,
            ],
            linux: .init(
                cgroupParent: "/kubepods/besteffort/pod\(uid)", securityContext: .init(namespaceOptions: options)))
        let answer: SandboxReference = try await call("RunPodSandbox", RunRequest(config: configuration))
        return Pod(sandboxID: answer.podSandboxId, configuration: configuration)
    }

    /// Starts a container in a pod; its command sleeps where none is given.
    /// - Returns: Its id.
    @discardableResult
    func start(_ name: String, in pod: Pod, _ command: [String] = []) async throws -> String {
        let options = pod.configuration.linux.securityContext.namespaceOptions
        let request = CreateRequest(
            podSandboxId: pod.sandboxID,
            config: .init(
                metadata: .init(name: name), image: .init(image: Containerd.image), command: command,
                labels: pod.configuration.labels.merging(["io.kubernetes.container.name": name]) { $1 },
                linux: .init(securityContext: .init(namespaceOptions: options))),
            sandboxConfig: pod.configuration)
        let container: ContainerReference = try await call("CreateContainer", request)
        let _: Nothing = try await call("StartContainer", ["containerId": container.containerId])
        return container.containerId
    }

    func remove(_ pod: Pod) async throws {
        for method in ["StopPodSandbox", "RemovePodSandbox"] {
            let _: Nothing = try await call(method, ["podSandboxId": pod.sandboxID])
        }
    }

    private func call<Answer: Decodable>(_ method: String, _ request: some Encodable) async throws -> Answer {
        let request = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        let answer = try await Program.check(Self.tool, socket, method, request, seconds: 60)
        return try JSONDecoder().decode(Answer.self, from: Data(answer.utf8))
    }
}

/// The messages of Tests/tools/cri.proto, with its names as JSON writes them.
private struct Nothing: Decodable {}

private struct SandboxReference: Decodable {
    let podSandboxId: String
}

private struct ContainerReference: Decodable {
    let containerId: String
}

private struct RunRequest: Encodable {
    let config: SandboxConfiguration
}

private struct SandboxConfiguration: Encodable {
    struct Metadata: Encodable {
        let name: String
        let uid: String
        let namespace: String
    }

    struct Linux: Encodable {
        let cgroupParent: String
        let securityContext: SecurityContext
    }

    let metadata: Metadata
    let labels: [String: String]
    let linux: Linux
}

private struct SecurityContext: Encodable {
    let namespaceOptions: NamespaceOptions
}

private struct NamespaceOptions: Encodable {
    enum Mode: String, Encodable {
        case pod = "POD"
        case container = "CONTAINER"
        case node = "NODE"
    }

    let network: Mode
    let pid: Mode
}

private struct CreateRequest: Encodable {
    struct Configuration: Encodable {
        struct Metadata: Encodable {
            let name: String
        }

        struct Image: Encodable {
            let image: String
        }

        struct Linux: Encodable {
            let securityContext: SecurityContext
        }

        let metadata: Metadata
        let image: Image
        let command: [String]
        let labels: [String: String]
        let linux: Linux
    }

    let podSandboxId: String
    let config: Configuration
    let sandboxConfig: SandboxConfiguration
}
