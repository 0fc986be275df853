import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "--host-root: sniscope in a container", .asRoot, .having("docker", "wget", "curl", "openssl"),
        .enabled("no Docker daemon answers at \(Docker.shared.host)") { await Docker.shared.answers })
    struct HostRoot {
        let docker = Docker.shared

        /// How the host is mounted.
        enum Mounts: String, CaseIterable {
            case everything, procAndRun

            var options: [String] {
                switch self {
                case .everything: ["-v", "/:/host:ro", "--cgroupns", "host"]
                case .procAndRun: ["-v", "/proc:/host/proc", "-v", "/run:/host/run", "--cgroupns", "private"]
                }
            }
        }

        /// An image with the program under test and the libraries it needs.
        private func image(in workspace: Workspace) async throws -> String {
            let image = "sniscope-test-self:\(workspace.path.split(separator: "-").last?.lowercased() ?? "")"
            let script = """
                mkdir -p "$0/self/bin" "$0/self/host" "$0/self/out"
                cp -L "$1" "$0/self/bin/sniscope"
                for library in $(ldd "$1" | grep -o '/[^ ]*'); do
                    mkdir -p "$0/self$(dirname "$library")"
                    cp -L "$library" "$0/self$library"
                done
                tar -C "$0/self" -cf "$0/self.tar" .
                rm -r "$0/self"
                """
            try await Program.check("sh", "-ec", script, workspace.path, Sniscope.path)
            try await docker("import", workspace.path + "/self.tar", image)
            return image
        }

        /// `--privileged`, or what it stands for here where root itself has not all capabilities.
        private func privileges(_ image: String) async -> [String] {
            let all = ["--privileged"]
            let run = ["run", "--rm", "--network", "host"] + all + [image, "/bin/sniscope", "--version"]
            if (try? await docker(run)) != nil { return all }
            return ["SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"].flatMap { ["--cap-add", $0] }
                + ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
        }

        private func command(_ options: [String], _ image: String, _ arguments: String...) -> [String] {
            ["docker", "-H", docker.host, "run", "--rm", "--network", "host"] + options
                + [image, "/bin/sniscope"] + arguments
        }

        @Test("the same rows as outside, of the host and of a container", arguments: Mounts.allCases)
        func sameRows(mounts: Mounts) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let (own, client) = (try await image(in: workspace), try await docker.image(in: workspace))
            let container = "sniscope-host-root"
            await docker.remove([container])
            try await docker.start(container, image: client)
            let names = [uniqueName("host-root"), uniqueName("host-root")]
            let outside = try await Tracer("--name", "host-root-*")
            defer { outside.stop() }
            let options =
                await privileges(own) + ["--pid", "host", "-v", workspace.path + ":/out"] + mounts.options
            let inside = try await Tracer(
                "--name", "host-root-*", "--host-root", "/host", "--output-file", "/out/names",
                command: command(options, own, "trace"))
            defer { inside.stop() }

            _ = try await Program.run(
                "curl", "-sk", "--resolve", "\(names[0]):\(server.port):127.0.0.1",
                "https://\(names[0]):\(server.port)/", "-o", "/dev/null")
            try await docker.ask(names[1], in: container, port: server.port)
            let expected = try await rows(outside.program, names) { outside.program.output.all }
            // The file is where the command line's writer sees it: in the container.
            let rows = try await rows(inside.program, names) {
                (try? String(contentsOfFile: workspace.path + "/names", encoding: .utf8))?
                    .split(separator: "\n").map(String.init) ?? []
            }
            #expect(rows == expected)
            #expect(rows[1].contains(#""containerName":"sniscope-host-root""#))
            try await outside.finish()
            try await inside.finish()
            await docker.remove([container])
            try await docker("rmi", own)
        }

        /// The rows with these names, in their order, without what differs between two tracers.
        private func rows(
            _ program: Program, _ names: [String], _ lines: () -> [String]
        ) async throws -> [String] {
            try await wait("rows of both names", program) {
                let rows = try names.compactMap { name in
                    try lines().first { $0.contains(name) && $0.hasSuffix("}") }.map { line in
                        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                        var fields = try #require(object as? [String: Any])
                        fields["timestamp"] = nil
                        fields["connection"] = nil
                        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
                        return String(
                            decoding: try JSONSerialization.data(withJSONObject: fields, options: options),
                            as: UTF8.self)
                    }
                }
                return rows.count == names.count ? rows : nil
            }
        }

        @Test("list, containers and doctor see the host; what is missing is said")
        func others() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let own = try await image(in: workspace)
            let (host, proc) = (["--pid", "host"], ["-v", "/proc:/host/proc"])
            let privileges = await privileges(own)
            let caller = try await Caller(
                try await Caller.compile(in: workspace), library: try await libraryPath("libssl.so.3"))
            defer { caller.stop() }
            let list = try await Program.run(
                command(
                    privileges + host + proc, own, "list", "--host-root", "/host", "-o", "json", "--pid",
                    "\(caller.pid)"))
            #expect(list.end == .exited(0), "\(list.account)")
            #expect(try FileEntry.all(list.output).first?.processes?.map(\.pid) == [caller.pid])
            let name = "sniscope-host-root-self"
            let containers = try await Program.run(
                command(
                    privileges + host + proc + ["--name", name], own, "containers", "--host-root", "/host", "-o",
                    "json"))
            #expect(containers.end == .exited(0), "\(containers.account)")
            #expect(try ContainerEntry.all(containers.output).map(\.runtime.containerName).contains(name))
            let doctor = try await Program.run(
                command(privileges + host + proc, own, "doctor", "--host-root", "/host"))
            #expect(doctor.end == .exited(0), "\(doctor.account)")
            #expect(doctor.output.text.contains("dockerd"))

            let cases: [(options: [String], root: String, status: Int32, word: String)] = [
                (privileges + proc, "/host", 1, "--pid=host"), (host + proc, "/host", 77, "CAP_SYS_ADMIN"),
                (privileges + host, "/nowhere", 1, "/nowhere/proc"),
            ]
            for (options, root, status, word) in cases {
                let refused = try await Program.run(command(options, own, "trace", "--host-root", root))
                #expect(refused.end == .exited(status), "\(refused.account)")
                #expect(refused.errors.text.contains(word), "\(refused.account)")
            }
            try await docker("rmi", own)
        }
    }
}
