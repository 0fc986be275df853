import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Kubernetes pods", .asRoot, .having("ctr", "protoc", "wget", "openssl"),
        .enabled("no CRI answers at \(Pods.shared.socket)") { await Pods.shared.answers })
    struct KubernetesPods {
        let pods = Pods.shared
        let containerd = Containerd.shared

        /// Gives `body` a server's port. What it leaves of its pods is removed.
        private func withImage(_ body: (_ port: Int) async throws -> Void) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            try await containerd.loadImage(Pods.namespace, in: workspace)
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            try await body(server.port)
        }

        private func ask(_ name: String, in container: String, port: Int) async throws {
            try await containerd.ask(name, in: container, namespace: Pods.namespace, port: port)
        }

        @Test("a pod that is started later shows as in Kubernetes' columns, on the node that NODE_NAME names")
        func columns() async throws {
            try await withImage { port in
                let tracer = try await Tracer(
                    "-n", "shop", output: nil, command: ["env", "NODE_NAME=node-1", Sniscope.path, "trace"])
                defer { tracer.stop() }
                let plain = try await Tracer(output: "columns")
                defer { plain.stop() }
                let name = uniqueName("pod")
                let pod = try await pods.run("web-0", namespace: "shop")
                let script = """
                    echo 127.0.0.1 \(name) >>/etc/hosts
                    exec wget -qO /dev/null --no-check-certificate https://\(name):\(port)/
                    """
                try await pods.start("app", in: pod, ["/bin/sh", "-c", script])
                let row = try await wait("the pod's row", tracer.program) {
                    tracer.program.output.all.first { $0.contains(name) }
                }
                let heading = try #require(tracer.program.output.all.first)
                func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }
                #expect(
                    words(heading)
                        == ["K8S.NODE", "K8S.NAMESPACE", "K8S.PODNAME", "PID", "TID", "COMM", "NAME", "LIBRARY"])
                let cells = words(row)
                try #require(cells.count == 8)
                #expect(cells[..<3] == ["node-1", "shop", "web-0"])
                #expect(cells[3] == cells[4] && Int32(cells[3]) != nil)
                #expect(cells[5...] == ["wget", name, "GnuTLS"])
                let plainRow = try await wait("the host's row", plain.program) {
                    plain.program.output.all.first { $0.contains(name) }
                }
                #expect(plainRow.hasPrefix("shop/web-0/app "))
                try await pods.remove(pod)
            }
        }

        @Test("two containers of one pod, one older than the tracer: JSON tells node, pod, container and image of each")
        func containers() async throws {
            try await withImage { port in
                let pod = try await pods.run("two", namespace: "shop")
                let first = try await pods.start("first", in: pod)
                let tracer = try await Tracer("-p", "two")
                defer { tracer.stop() }
                let second = try await pods.start("second", in: pod)
                for (id, container) in [(first, "first"), (second, "second")] {
                    let name = uniqueName(container)
                    try await ask(name, in: id, port: port)
                    let event = try await tracer.event(named: name)
                    #expect(event.k8s?.node == ProcessInfo.processInfo.hostName)
                    #expect(event.k8s?.namespace == "shop")
                    #expect(event.k8s?.podName == "two")
                    #expect(event.k8s?.containerName == container)
                    #expect(event.runtime?.runtimeName == "containerd")
                    #expect(event.runtime?.containerName == container)
                    #expect(event.runtime?.containerId == id)
                    #expect(event.runtime?.containerImageName == Containerd.image)
                    let pid = try await containerd.pid(id, namespace: Pods.namespace)
                    #expect(event.runtime?.containerPid == pid)
                }
                try await tracer.finish()
                try await pods.remove(pod)
            }
        }

        @Test(
            "-n, -p and -c select, pods that were there and pods that come",
            arguments: [
                (["-n", "shop"], ["shop/a/app", "shop/a/side", "shop/b/app"]),
                (["-p", "a"], ["shop/a/app", "shop/a/side", "bank/a/app"]),
                (["-n", "bank", "-p", "a"], ["bank/a/app"]), (["-c", "side"], ["shop/a/side"]),
                (["-n", "!shop", "-c", "app"], ["bank/a/app"]),
            ])
        func selection(options: [String], wanted: [String]) async throws {
            try await withImage { port in
                let early = try await pods.run("a", namespace: "shop")
                var containers = [(id: try await pods.start("app", in: early), name: "shop/a/app")]
                let tracer = try await Tracer(output: "json", command: [Sniscope.path, "trace"] + options)
                defer { tracer.stop() }
                let all = try await Tracer("--scope", "containers")
                defer { all.stop() }
                containers.append((try await pods.start("side", in: early), "shop/a/side"))
                var running = [early]
                for (namespace, name) in [("shop", "b"), ("bank", "a")] {
                    let pod = try await pods.run(name, namespace: namespace)
                    running.append(pod)
                    containers.append((try await pods.start("app", in: pod), "\(namespace)/\(name)/app"))
                }
                let prefix = uniqueName("select").prefix { $0 != "." }
                for (index, container) in containers.enumerated() {
                    try await ask("\(prefix)-\(index).test", in: container.id, port: port)
                }
                for index in containers.indices { try await all.event(named: "\(prefix)-\(index).test") }
                let expected = containers.indices.filter { wanted.contains(containers[$0].name) }
                for index in expected { try await tracer.event(named: "\(prefix)-\(index).test") }
                let names = try await tracer.finish().compactMap(\.name)
                #expect(Set(names) == Set(expected.map { "\(prefix)-\($0).test" }))
                for pod in running { try await pods.remove(pod) }
            }
        }

        @Test("a pod with one process namespace for all its containers: each process is its own container's")
        func sharedProcesses() async throws {
            try await withImage { port in
                let pod = try await pods.run("shared", namespace: "shop", sharesProcesses: true)
                let tracer = try await Tracer("-n", "shop")
                defer { tracer.stop() }
                for container in ["one", "two"] {
                    let id = try await pods.start(container, in: pod)
                    let name = uniqueName(container)
                    try await ask(name, in: id, port: port)
                    let event = try await tracer.event(named: name)
                    #expect(event.k8s?.containerName == container)
                    #expect(event.runtime?.containerId == id)
                }
                try await tracer.finish()
                try await pods.remove(pod)
            }
        }

        @Test("the sandbox itself, and a container that has ended: one is POD, the other tells nothing of the next")
        func sandbox() async throws {
            try await withImage { port in
                let pod = try await pods.run("bare", namespace: "shop")
                let tracer = try await Tracer("-p", "bare")
                defer { tracer.stop() }
                let name = uniqueName("sandbox")
                try await ask(name, in: pod.sandboxID, port: port)
                let event = try await tracer.event(named: name)
                #expect(event.k8s?.podName == "bare")
                #expect(event.k8s?.containerName == "POD")
                #expect(event.runtime?.containerName == "POD")
                #expect(event.runtime?.containerId == pod.sandboxID)
                // As init containers are: one after the other, each with a name of its own.
                for container in ["prepare", "app"] {
                    let name = uniqueName(container)
                    try await pods.start(container, in: pod, Containerd.question(name, port: port))
                    #expect(try await tracer.event(named: name).k8s?.containerName == container)
                }
                try await tracer.finish()
                try await pods.remove(pod)
            }
        }
    }
}
