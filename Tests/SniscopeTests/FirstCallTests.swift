import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "The only call of a container whose image nobody has seen before", .serialized, .asRoot,
        .having("cc", "ldd", "tar"))
    struct FirstCalls {
        /// Images for each runtime, by turns and at once. `Benchmarks/run docker-first-calls` takes 200.
        static let count =
            ProcessInfo.processInfo.environment["SNISCOPE_TEST_FRESH_IMAGES"].flatMap { Int($0) } ?? 24
        /// From main() to the call, in microseconds: with the loader's work, 5 ms after exec.
        static let delay = "4000"

        @Test(
            "Docker: every one has its row", .having("docker"),
            .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers },
            arguments: [1, 8])
        func docker(atOnce: Int) async throws {
            let docker = Docker.shared
            try await expectAll(of: "docker", atOnce: atOnce) { image, archive in
                try await docker("import", archive, image)
            } run: { image in
                try await docker("run", "--rm", "--network", "host", "--name", image, image, "/client", Self.delay)
            } remove: { images in
                _ = try? await docker(["rmi", "-f"] + images)
            }
        }

        @Test("containerd: every one has its row", .having("containerd", "ctr"), arguments: [1, 8])
        func containerd(atOnce: Int) async throws {
            let workspace = try Workspace()
            let daemon = try await ContainerdDaemonProcess(in: workspace)
            do {
                try await expectAll(of: "containerd", atOnce: atOnce) { image, archive in
                    try await daemon.load(archive, as: "sniscope.test/\(image):1")
                } run: { image in
                    let reference = "sniscope.test/\(image):1"
                    try await daemon.ctr(["run", "--rm", "--net-host", reference, image, "/client", Self.delay])
                } remove: { _ in
                }
            } catch {
                try await daemon.stop()
                throw error
            }
            try await daemon.stop()
            workspace.remove()
        }

        private func expectAll(
            of runtime: String, atOnce: Int,
            load: (_ image: String, _ archive: String) async throws -> Void,
            run: @escaping @Sendable (_ image: String) async throws -> Void,
            remove: (_ images: [String]) async -> Void
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let images = try await FreshImages(in: workspace)
            var names: [String: String] = [:]
            for number in 0..<Self.count {
                let (archive, name) = try images.make()
                let image = "sniscope-fresh-\(atOnce)-\(number)"
                try await load(image, archive)
                try FileManager.default.removeItem(atPath: archive)
                names[image] = name
            }
            let tracer = try await Tracer("-v", "--name", "first-call-*")
            defer { tracer.stop() }
            try await each(below: Self.count, atOnce: atOnce) { try await run("sniscope-fresh-\(atOnce)-\($0)") }
            // What was asked before the end is told before it.
            let events = try await tracer.finish()
            await remove(Array(names.keys))
            for (image, name) in names {
                let event = events.first { $0.name == name }
                #expect(event != nil, "\(image) asked for \(name)")
                guard let event else { continue }
                #expect(event.runtime?.containerName == image)
                #expect(event.proc.exe == "/client")
            }
            let own = Set(names.values)
            #expect(
                events.count { own.contains($0.name ?? "") } == Self.count,
                "every call is one event\n\(tracer.program.errors.all.joined(separator: "\n"))")
        }
    }
}

/// A containerd of the test's own.
private final class ContainerdDaemonProcess: Sendable {
    private let folder: String
    private let program: Program

    /// Starts it and waits until it answers.
    init(in workspace: Workspace) async throws {
        folder = workspace.path
        let configuration = try workspace.write(
            """
            version = 2
            root = "\(folder)/root"
            state = "\(folder)/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
            address = "\(folder)/containerd.sock"
            """, to: "containerd.toml")
        program = try Program(["containerd", "-c", configuration])
        do {
            try await wait("containerd", seconds: 40, program) {
                if let end = program.end { throw Problem("containerd ended: \(end)\n\(program.account)") }
                return (try? await ctr(["version"])) != nil
            }
        } catch {
            program.stop()
            throw error
        }
    }

    func ctr(_ arguments: [String]) async throws {
        let command = ["ctr", "-a", folder + "/containerd.sock"] + arguments
        let program = try await Program.run(command, seconds: 60)
        guard program.end == .exited(0) else {
            throw Problem("\(command.joined(separator: " ")): \(program.end as Any)\n\(program.account)")
        }
    }

    /// Makes an archive of a root folder an image, as `docker save` writes one (moby, image/spec/spec.md).
    func load(_ archive: String, as image: String) async throws {
        let script = #"""
            mkdir -p "$0/image"
            mv "$1" "$0/image/layer.tar"
            layer=$(sha256sum "$0/image/layer.tar" | cut -d' ' -f1)
            case $(uname -m) in x86_64) machine=amd64;; *) machine=arm64;; esac
            cat >"$0/image/config.json" <<END
            {"architecture":"$machine","os":"linux","config":{},
            "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
            END
            echo '[{"Config":"config.json","RepoTags":["'"$2"'"],"Layers":["layer.tar"]}]' >"$0/image/manifest.json"
            tar -C "$0/image" -cf "$1" manifest.json config.json layer.tar
            """#
        try await Program.check("sh", "-ec", script, folder, archive, image)
        try await ctr(["image", "import", archive])
    }

    /// Ends it in order, and what it mounted.
    func stop() async throws {
        program.signal(SIGTERM)
        _ = try await program.waitForEnd(seconds: 40)
        for line in try String(contentsOfFile: "/proc/mounts", encoding: .utf8).split(separator: "\n") {
            let mountPoint = line.split(separator: " ")[1]
            if mountPoint.hasPrefix(folder + "/") { _ = try await Program.run("umount", "-l", String(mountPoint)) }
        }
    }
}
