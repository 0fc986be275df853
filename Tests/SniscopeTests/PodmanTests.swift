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
                let user = try #require(podman.user)
                #expect(event.runtime?.containerName == "\(user.name)/before")
                #expect(event.runtime?.uid == user.uid)
                #expect(event.runtime?.containerImageName == image)
                #expect(event.runtime?.containerPid != nil)
                #expect(event.proc.creds.uid == user.uid)
                // The container's first process, which ends at once.
                for number in 1...3 {
                    let (name, container) = (uniqueName("after"), "after-\(number)")
                    try await podman(
                        ["run", "--rm", "--network", "host", "--name", container, image]
                            + Podman.client(name, port: port))
                    let event = try await tracer.event(named: name)
                    #expect(event.runtime?.containerName == "\(user.name)/\(container)")
                    #expect(event.runtime?.containerPid == event.proc.pid)
                    #expect(event.runtime?.containerImageName == image)
                }
                let events = try await tracer.finish()
                #expect(events.filter { $0.runtime?.containerName.contains("/after-") == true }.count == 3)
            }
        }

        @Test(
            "a mount namespace's number that is given again is no container's of a user any more",
            .having("newuidmap", "useradd", "setpriv", "unshare"))
        func reusedNamespace() async throws {
            try await withPodman(asUser: true) { podman, image, port in
                let tracer = try await Tracer()
                defer { tracer.stop() }
                var numbers: [UInt64] = []
                // The kernel gives the lowest free number, unless somebody else was faster.
                for number in 1...10 {
                    let (name, other) = (uniqueName("container"), uniqueName("other"))
                    try await podman(
                        ["run", "--rm", "--network", "host", "--name", "short-\(number)", image]
                            + Podman.client(name, port: port))
                    _ = try await Program.run(["unshare", "-m"] + Podman.client(other, port: port))
                    let container = try await tracer.event(named: name)
                    #expect(container.runtime?.containerName == "\(podman.user?.name ?? "")/short-\(number)")
                    let after = try await tracer.event(named: other)
                    #expect(after.runtime == nil)
                    numbers.append(container.proc.mountNamespace)
                    if numbers.contains(after.proc.mountNamespace) { return }
                }
                Issue.record("no number was given again: \(numbers)")
            }
        }

        @Test(
            "what a user's container will load is probed if it is the user's, and nothing else that a bundle names",
            .having("useradd", "setpriv"), arguments: [true, false])
        func foreignRoot(isOwn: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let user = try await Podman.User()
            // Nobody runs the program, and nothing here is a container: the bundle alone tells of it.
            let id = String(repeating: "5e", count: 32)
            let (bundle, root) = (workspace.path + "/bundle", workspace.path + "/root")
            for folder in [bundle, root] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            }
            try await Program.check(
                "sh", "-ec",
                """
                cp /bin/sh "$0/conmon"; cp $(command -v openssl) "$0/root/client"; mkdir "$0/root/libraries"
                cp -L $(ldd "$0/root/client" | grep -o '/[^ :]*\\.so[^ :]*' | sort -u) "$0/root/libraries"
                """, workspace.path)
            try workspace.write(
                #"""
                {"root": {"path": "\#(root)"},
                 "process": {"args": ["/client"], "env": ["LD_LIBRARY_PATH=/libraries"]}}
                """#, to: "bundle/config.json")
            try workspace.write("sleep 3", to: "script")
            try await Program.check("chown", "-R", "\(user.uid)", bundle)
            if isOwn { try await Program.check("chown", "\(user.uid)", root) }

            let result: Result<Void, any Error>
            do {
                let tracer = try await Tracer("-v")
                defer { tracer.stop() }
                try await Program.check(
                    "setpriv", "--reuid", "\(user.uid)", "--clear-groups", workspace.path + "/conmon",
                    workspace.path + "/script", "-c", id, "-b", bundle)
                try await tracer.finish()
                let isProbed = tracer.program.errors.contains("probed /libraries/libssl")
                #expect(isProbed == isOwn, "\(tracer.program.account)")
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await user.remove()
            try result.get()
        }

        @Test(
            "-c with a user's container: by the user's name; the name alone is root's",
            .having("newuidmap", "useradd", "setpriv"))
        func rootlessByName() async throws {
            try await withPodman(asUser: true) { podman, image, port in
                let user = try #require(podman.user)
                let tracer = try await Tracer("-c", "\(user.name)/wanted")
                defer { tracer.stop() }
                let everybodys = try await Tracer("-c", "*/wanted")
                defer { everybodys.stop() }
                let roots = try await Tracer("-c", "wanted,want*,*")
                defer { roots.stop() }
                let (name, unwanted, outside) = (uniqueName("wanted"), uniqueName("unwanted"), uniqueName("outside"))
                _ = try await Program.run(
                    "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", outside)
                for (container, name) in [("other", unwanted), ("wanted", name)] {
                    try await podman(
                        ["run", "--network", "host", "--name", container, image] + Podman.client(name, port: port))
                }
                let event = try await tracer.event(named: name)
                #expect(event.runtime?.containerName == "\(user.name)/wanted")
                #expect(try await tracer.finish().map(\.name) == [name])
                #expect(try await everybodys.finish().map(\.name) == [name])
                #expect(try await roots.finish().isEmpty)
            }
        }
    }
}
