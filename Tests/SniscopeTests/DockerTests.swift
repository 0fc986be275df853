import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Docker", .asRoot, .having("docker", "wget", "openssl"),
        .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers })
    struct DockerContainers {
        let docker = Docker.shared

        /// Gives `body` an image and a server's port.
        private func withImage(_ body: (_ image: String, _ port: Int) async throws -> Void) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let image = try await docker.image(in: workspace)
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            try await body(image, server.port)
        }

        @Test("a container that is started later, chosen by name: its wget's row, and no other container's")
        func example() async throws {
            try await withImage { image, port in
                let (container, other) = ("test-trace-sni", "sniscope-other")
                await docker.remove([container, other])
                let tracer = try await Tracer("-r", "docker", "-c", container)
                defer { tracer.stop() }
                let (name, unwanted) = (uniqueName("example"), uniqueName("unwanted"))
                for (container, name) in [(other, unwanted), (container, name)] {
                    try await docker(
                        "run", "--rm", "--network", "host", "--add-host", "\(name):127.0.0.1", "--name", container,
                        image, "wget", "-qO", "/dev/null", "--no-check-certificate", "https://\(name):\(port)/")
                }
                try await tracer.event(named: name)
                let events = try await tracer.finish()
                #expect(events.map(\.name) == [name])
                let event = try #require(events.first)
                let runtime = try #require(event.runtime)
                #expect(runtime.runtimeName == "docker")
                #expect(runtime.containerName == container)
                #expect(runtime.containerId.count == 64)
                #expect(runtime.containerImageName == image)
                // The daemon writes it down later: it is in the bundle before.
                #expect(runtime.containerPid == event.proc.pid)
                #expect(event.proc.comm == "wget")
                #expect(event.proc.exe == "/bin/wget")
                #expect(event.library.kind == "GnuTLS")
                #expect(tracer.program.errors.contains("1 server name, 0 lost"), "the kernel leaves others out")
            }
        }

        @Test("five containers of one image: five calls, five events, each with its container's name")
        func sharedImage() async throws {
            try await withImage { image, port in
                let containers = (1...5).map { "sniscope-five-\($0)" }
                await docker.remove(containers)
                for container in containers { try await docker.start(container, image: image) }
                let tracer = try await Tracer("--name", "five-*")
                defer { tracer.stop() }
                let names = containers.map { _ in uniqueName("five") }
                let docker = docker
                try await withThrowingTaskGroup { group in
                    for (container, name) in zip(containers, names) {
                        group.addTask { try await docker.ask(name, in: container, port: port) }
                    }
                    try await group.waitForAll()
                }
                for name in names { try await tracer.event(named: name) }
                let events = try await tracer.finish()
                #expect(events.count == 5, "every call is one event")
                for (container, name) in zip(containers, names) {
                    let event = events.first { $0.name == name }
                    #expect(event?.runtime?.containerName == container)
                    #expect(event?.proc.comm == "wget")
                }
                await docker.remove(containers)
            }
        }

        @Test("a container that is renamed shows with its new name")
        func renamed() async throws {
            try await withImage { image, port in
                let (before, after) = ("sniscope-before", "sniscope-after")
                await docker.remove([before, after])
                try await docker.start(before, image: image)
                let tracer = try await Tracer()
                defer { tracer.stop() }
                let name = uniqueName("rename")
                try await docker.ask(name, in: before, port: port)
                #expect(try await tracer.event(named: name).runtime?.containerName == before)
                try await docker("rename", before, after)
                // The daemon's own event tells it, some time later.
                try await wait("the new name", tracer.program) {
                    let name = uniqueName("rename")
                    try await docker.ask(name, in: after, port: port)
                    return try await tracer.event(named: name).runtime?.containerName == after
                }
                await docker.remove([after])
            }
        }

        @Test("--scope: the host, or its containers")
        func scope() async throws {
            try await withImage { image, port in
                let container = "sniscope-scope"
                await docker.remove([container])
                let (inside, outside) = (uniqueName("inside"), uniqueName("outside"))
                let loop = """
                    while :; do
                        wget -qO /dev/null --no-check-certificate https://\(inside):\(port)/
                        sleep 0.1
                    done
                    """
                try await docker(
                    "run", "-d", "--rm", "--network", "host", "--add-host", "\(inside):127.0.0.1", "--name", container,
                    image, "/bin/sh", "-c", loop)
                for (scope, expected, unexpected) in [("host", outside, inside), ("containers", inside, outside)] {
                    let tracer = try await Tracer("--scope", scope)
                    defer { tracer.stop() }
                    // Once both have asked, as another tracer sees, the wanted one is there and the other is not.
                    let all = try await Tracer()
                    defer { all.stop() }
                    _ = try await Program.run(
                        "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", outside)
                    try await all.event(named: outside)
                    try await all.event(named: inside)
                    let event = try await tracer.event(named: expected)
                    #expect((event.runtime?.containerName ?? "") == (scope == "host" ? "" : container))
                    #expect(try await !tracer.finish().contains { $0.name == unexpected })
                }
                await docker.remove([container])
            }
        }

        @Test("list shows the container, and what it maps")
        func list() async throws {
            try await withImage { image, _ in
                let container = "sniscope-list"
                await docker.remove([container])
                // It waits for addresses on its input, with its library mapped.
                let program = try Program(
                    ["docker", "-H", docker.host, "run", "-i", "--rm", "--network", "host", "--name", container, image]
                        + ["wget", "-q", "--input-file=/dev/stdin"], hasInput: true)
                defer { program.stop() }
                let entry = try await wait("the container's GnuTLS", seconds: 30, program) {
                    let list = try await Sniscope.run("list", "-o", "json", "-c", container)
                    return try FileEntry.all(list.output).first
                }
                #expect(entry.libraries.map(\.kind) == ["GnuTLS"])
                #expect(entry.path.contains("libgnutls.so.30"))
                #expect(entry.containers?.map(\.containerName) == [container])
                #expect(entry.containers?.map(\.runtimeName) == ["docker"])
                #expect(entry.processes?.map(\.comm) == ["wget"])
                #expect(entry.traced == true)
                let table = try await Sniscope.run("list", "-c", container)
                #expect(table.output.contains(container))
                #expect(try await Sniscope.run("list", "-c", "no-such-container", "--no-header").output.all.isEmpty)
                await docker.remove([container])
            }
        }

        @Test("a daemon that stops and starts again: tracing goes on, names come back", .having("dockerd", "cc"))
        func restart() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let library = try await libraryPath("libssl.so.3")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            var daemon = try await DockerDaemonProcess(in: workspace)
            do {
                let docker = daemon.docker
                let image = try await docker.image(in: workspace)
                let tracer = try await Tracer()
                defer { tracer.stop() }
                let names = (0..<4).map { _ in uniqueName("restart") }
                try await docker.start("sniscope-first", image: image)
                try await docker.ask(names[0], in: "sniscope-first", port: server.port)
                #expect(try await tracer.event(named: names[0]).runtime?.containerName == "sniscope-first")
                try await daemon.stop()
                try await caller.tell("name \(names[1])")
                #expect(try await tracer.event(named: names[1]).proc.pid == caller.pid)

                daemon = try await DockerDaemonProcess(in: workspace)
                try await docker.start("sniscope-second", image: image)
                try await docker.ask(names[2], in: "sniscope-second", port: server.port)
                #expect(try await tracer.event(named: names[2]).runtime?.containerName == "sniscope-second")
                // Its events are heard again, too.
                try await docker("rename", "sniscope-second", "sniscope-third")
                try await wait("the new name", tracer.program) {
                    let name = uniqueName("restart")
                    try await docker.ask(name, in: "sniscope-third", port: server.port)
                    return try await tracer.event(named: name).runtime?.containerName == "sniscope-third"
                }
                try await tracer.finish()
            } catch {
                try await daemon.stop()
                throw error
            }
            try await daemon.stop()
        }
    }
}
