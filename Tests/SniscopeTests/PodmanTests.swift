import Foundation
import Testing

extension EndToEnd {
    @Suite("Podman", .asRoot, .having("podman", "conmon", "runc", "openssl"))
    struct PodmanContainers {
        @Test("root's container, started later, whose first process asks: name, image, first process")
        func root() async throws {
            try await withPodman(asUser: false) { podman, image, port in
                let tracer = try await Tracer("-r", "podman", "-c", "web")
                defer { tracer.stop() }
                let (name, unwanted) = (uniqueName("podman"), uniqueName("unwanted"))
                for (container, name) in [("other", unwanted), ("web", name)] {
                    try await podman(
                        ["run", "--network", "host", "--name", container, image] + Podman.client(name, port: port))
                }
                try await tracer.event(named: name)
                let events = try await tracer.finish()
                #expect(events.map(\.name) == [name])
                let event = try #require(events.first)
                let runtime = try #require(event.runtime)
                #expect(runtime.runtimeName == "podman")
                #expect(runtime.containerName == "web")
                #expect(runtime.containerId.count == 64)
                #expect(runtime.containerImageName == image)
                #expect(runtime.containerPid == event.proc.pid)
                #expect(event.library.kind == "OpenSSL")
            }
        }

        @Test("containers that run already, in a pod and not")
        func pod() async throws {
            try await withPodman(asUser: false) { podman, image, port in
                try await podman(
                    "pod", "create", "--name", "shop", "--network", "host", "--infra-image", image, "--infra-command",
                    "/bin/sleep 600")
                try await podman("run", "-d", "--pod", "shop", "--name", "member", image)
                try await podman.start("single", image: image)
                let tracer = try await Tracer()
                defer { tracer.stop() }
                for container in ["member", "single"] {
                    let name = uniqueName(container)
                    try await podman.ask(name, in: container, port: port)
                    let runtime = try await tracer.event(named: name).runtime
                    #expect(runtime?.runtimeName == "podman")
                    #expect(runtime?.containerName == container)
                    #expect(runtime?.containerImageName == image)
                    #expect(runtime?.containerPid != nil)
                }
                // One that comes to the pod later.
                let name = uniqueName("late")
                try await podman(
                    ["run", "--rm", "--pod", "shop", "--name", "late", image] + Podman.client(name, port: port))
                #expect(try await tracer.event(named: name).runtime?.containerName == "late")
            }
        }

        @Test("a user's container, started before the tracer and after", .having("newuidmap", "useradd", "setpriv"))
        func rootless() async throws {
            try await withPodman(asUser: true) { podman, image, port in
                try await podman.start("before", image: image)
                let tracer = try await Tracer()
                defer { tracer.stop() }
                let name = uniqueName("before")
                try await podman.ask(name, in: "before", port: port)
                let event = try await tracer.event(named: name)
                #expect(event.runtime?.runtimeName == "podman")
                #expect(event.runtime?.containerName == "before")
                #expect(event.runtime?.containerImageName == image)
                #expect(event.runtime?.containerPid != nil)
                #expect(event.proc.creds.uid == podman.user?.uid)
                // The container's first process, which ends at once.
                for number in 1...3 {
                    let (name, container) = (uniqueName("after"), "after-\(number)")
                    try await podman(
                        ["run", "--rm", "--network", "host", "--name", container, image]
                            + Podman.client(name, port: port))
                    let event = try await tracer.event(named: name)
                    #expect(event.runtime?.containerName == container)
                    #expect(event.runtime?.containerPid == event.proc.pid)
                    #expect(event.runtime?.containerImageName == image)
                }
                let events = try await tracer.finish()
                #expect(events.filter { $0.runtime?.containerName.hasPrefix("after-") == true }.count == 3)
            }
        }

        @Test("-c with a user's container", .having("newuidmap", "useradd", "setpriv"))
        func rootlessByName() async throws {
            try await withPodman(asUser: true) { podman, image, port in
                let tracer = try await Tracer("-c", "wanted")
                defer { tracer.stop() }
                let (name, unwanted, outside) = (uniqueName("wanted"), uniqueName("unwanted"), uniqueName("outside"))
                _ = try await Program.run(
                    "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", outside)
                for (container, name) in [("other", unwanted), ("wanted", name)] {
                    try await podman(
                        ["run", "--network", "host", "--name", container, image] + Podman.client(name, port: port))
                }
                let event = try await tracer.event(named: name)
                #expect(event.runtime?.containerName == "wanted")
                #expect(try await tracer.finish().map(\.name) == [name])
            }
        }
    }
}
