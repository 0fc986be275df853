extension KubernetesContainer {
    /// The name under which a pod's sandbox shows, the container that holds its namespaces: CRI-O's and the kubelet's
    /// own. No container can have it: theirs are in lower case.
    static let sandboxName = "POD"

    /// From the annotations that containerd's CRI plugin gives every bundle (containerd,
    /// internal/cri/annotations/annotations.go); nil where they are missing: before version 1.5.
    /// - Parameter podUID: What the cgroup tells; it is among the annotations since version 1.6.
    init?(criAnnotations annotations: [String: String], podUID: String? = nil) {
        guard let namespace = annotations["io.kubernetes.cri.sandbox-namespace"],
            let podName = annotations["io.kubernetes.cri.sandbox-name"]
        else { return nil }
        let isSandbox = annotations["io.kubernetes.cri.container-type"] == "sandbox"
        self.init(
            namespace: namespace, podName: podName,
            containerName: isSandbox ? Self.sandboxName : annotations["io.kubernetes.cri.container-name"] ?? "",
            podUID: annotations["io.kubernetes.cri.sandbox-uid"] ?? podUID)
    }
}
