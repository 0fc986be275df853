import Containers
import Rendering

/// The fields of a container, the same wherever rows have one. Names follow Inspektor Gadget's.
enum ContainerFields {
    /// - Parameter container: A row's; nil for rows of the host.
    static func kubernetes<Row>(
        nodeName: String, _ container: @escaping @Sendable (Row) -> Container?
    ) -> [Field<Row>] {
        [
            Field("k8s.node", column: Column("node", heading: "K8S.NODE", width: 18, minimumWidth: 8, flexible: true)) {
                container($0)?.kubernetes.map { _ in .string(nodeName) }
            },
            Field(
                "k8s.namespace",
                column: Column("namespace", heading: "K8S.NAMESPACE", width: 18, minimumWidth: 8, flexible: true)
            ) { container($0)?.kubernetes.map { .string($0.namespace) } },
            Field(
                "k8s.podName",
                column: Column("podName", heading: "K8S.PODNAME", width: 18, minimumWidth: 8, flexible: true)
            ) { container($0)?.kubernetes.map { .string($0.podName) } },
            Field("k8s.containerName") { container($0)?.kubernetes.map { .string($0.containerName) } },
        ]
    }

    /// - Parameter nameInColumn: What stands for the name in columns; nil: the name.
    static func runtime<Row>(
        nameInColumn: (@Sendable (Container) -> String)?, _ container: @escaping @Sendable (Row) -> Container?
    ) -> [Field<Row>] {
        [
            Field("runtime.runtimeName", column: Column("runtimeName", heading: "RUNTIME.RUNTIMENAME", width: 19)) {
                container($0).map { .string($0.runtime.rawValue) }
            },
            Field(
                "runtime.containerName",
                column: Column(
                    "containerName", heading: "RUNTIME.CONTAINERNAME", width: 38, minimumWidth: 21, flexible: true,
                    truncation: .end)
            ) { container($0).map { .string(nameInColumn?($0) ?? $0.name) } },
            Field("runtime.containerId") { container($0).map { .string($0.id) } },
            Field("runtime.containerPid", kind: .integer) { container($0)?.initPid.map { .number($0) } },
            Field("runtime.containerImageName", column: Column("image", heading: "IMAGE", width: 30)) {
                container($0)?.imageName.map { .string($0) }
            },
            // Inspektor Gadget has no name for it. Of a user's container, whose user chose the id and the name.
            Field("runtime.uid", kind: .integer) { container($0)?.uid.map { .number($0) } },
        ]
    }

    /// A pod's container with its pod, any other by its name.
    @Sendable static func qualifiedName(_ container: Container) -> String {
        guard let pod = container.kubernetes else { return container.name }
        return "\(pod.namespace)/\(pod.podName)/\(pod.containerName)"
    }
}
