import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "containerd", .asRoot, .having("ctr", "wget", "openssl"),
        .enabled("no containerd answers at \(Containerd.shared.socket)") { await Containerd.shared.answers })
    struct ContainerdContainers {
        let containerd = Containerd.shared

        /// Gives `body` a server's port, with the image in these namespaces.
        private func withImage(_ namespaces: [String], _ body: (_ port: Int) async throws -> Void) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            for namespace in namespaces { try await containerd.loadImage(namespace, in: workspace) }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            try await body(server.port)
        }

        @Test("a container that is started later, chosen by name: its row, and no other container's")
        func example() async throws {
            try await withImage(["default"]) { port in
                let (container, other) = (uniqueName("wanted"), uniqueName("other"))
                let tracer = try await Tracer("-r", "containerd", "-c", container)
                defer { tracer.stop() }
                let (name, unwanted) = (uniqueName("ctr"), uniqueName("unwanted"))
                for (container, name) in [(other, unwanted), (container, name)] {
                    let command = Containerd.question(name, port: port)
                    try await containerd(
                        "default", ["run", "--rm", "--net-host", Containerd.image, container] + command)
                }
                try await tracer.event(named: name)
                let events = try await tracer.finish()
                #expect(events.map(\.name) == [name])
                let event = try #require(events.first)
                #expect(event.runtime?.runtimeName == "containerd")
                #expect(event.runtime?.containerName == container)
                #expect(event.runtime?.containerId == container)
                #expect(event.runtime?.containerPid == event.proc.pid)
                #expect(event.k8s == nil)
                await containerd.remove([container, other], namespace: "default")
            }
        }

        @Test("one id in two namespaces, one container older than the tracer: each row has its own container's pid")
        func sameID() async throws {
            let (container, namespaces) = (uniqueName("same"), ["default", "sniscope-other"])
            try await withImage(namespaces) { port in
                try await containerd.start(container, namespace: namespaces[0])
                let tracer = try await Tracer("-c", container)
                defer { tracer.stop() }
                try await containerd.start(container, namespace: namespaces[1])
                for namespace in namespaces {
                    let name = uniqueName("same")
                    try await containerd.ask(name, in: container, namespace: namespace, port: port)
                    let event = try await tracer.event(named: name)
                    #expect(event.runtime?.runtimeName == "containerd")
                    #expect(event.runtime?.containerName == container)
                    let pid = try await containerd.pid(container, namespace: namespace)
                    #expect(event.runtime?.containerPid == pid, "in \(namespace)")
                }
                try await tracer.finish()
                for namespace in namespaces { await containerd.remove([container], namespace: namespace) }
            }
        }

        @Test("a bundle that makes no sense: the short id stands for a name")
        func nonsense() async throws {
            try await withImage(["default"]) { port in
                let digits = UUID().uuidString.lowercased().filter { $0 != "-" }
                let id = digits + digits
                try await containerd.start(id, namespace: "default")
                let pid = try await containerd.pid(id, namespace: "default")
                // Its shim's working folder is the bundle, wherever this containerd keeps it.
                let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                let parent = try #require(status.split(separator: "\n").first { $0.hasPrefix("PPid:") })
                let shim = try #require(parent.split(separator: "\t").last)
                try "{\"root\":".write(toFile: "/proc/\(shim)/cwd/config.json", atomically: false, encoding: .utf8)
                let tracer = try await Tracer("--scope", "containers")
                defer { tracer.stop() }
                let name = uniqueName("nonsense")
                try await containerd.ask(name, in: id, namespace: "default", port: port)
                let event = try await tracer.event(named: name)
                #expect(event.runtime?.runtimeName == "containerd")
                #expect(event.runtime?.containerName == String(id.prefix(12)))
                #expect(event.runtime?.containerId == id)
                #expect(event.runtime?.containerPid == pid)
                try await tracer.finish()
                await containerd.remove([id], namespace: "default")
            }
        }
    }
}
