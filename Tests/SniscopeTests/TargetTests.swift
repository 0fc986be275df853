import Foundation
import Testing

extension EndToEnd {
    @Suite("Targets inside containers", .asRoot, .having("docker", "wget", "cc"))
    struct Targets {
        private let docker = Docker.shared

        /// An image whose GnuTLS is its own, so that no other container's probe is its probe.
        private func withImage(
            _ body: (_ image: String, _ library: String, _ server: TLSServer, _ workspace: Workspace) async throws ->
                Void
        ) async throws {
            try #require(await docker.answers, "no Docker daemon answers")
            let workspace = try Workspace()
            defer { workspace.remove() }
            let server = try await TLSServer(in: workspace)
            defer { server.stop() }
            let base = try await docker.image(in: workspace)
            let wget = try await Program.check("sh", "-c", "command -v wget")
            let needed = try await Program.check("ldd", wget)
            let line = try #require(needed.split(separator: "\n").first { $0.contains("libgnutls.so") })
            let library = String(try #require(line.split(separator: " ").first { $0.hasPrefix("/") }))
            let image = "sniscope-test-target-\(UUID().uuidString.prefix(8).lowercased())"
            let made = try await docker(
                "run", "-d", "--network", "host", base, "/bin/sh", "-c",
                "cat \(library) >/tmp/copy && cat /tmp/copy >\(library)")
            try await docker("wait", made)
            try await docker("commit", "-c", #"CMD ["/bin/sleep","600"]"#, made, image)
            await docker.remove([made])
            do {
                try await body(image, library, server, workspace)
            } catch {
                _ = try? await docker("rmi", "-f", image)
                throw error
            }
            try await docker("rmi", "-f", image)
        }

        private func withContainers<Result>(
            _ names: String..., body: () async throws -> Result
        ) async throws -> Result {
            await docker.remove(names)
            do {
                let result = try await body()
                await docker.remove(names)
                return result
            } catch {
                await docker.remove(names)
                throw error
            }
        }

        @Test("--binary CONTAINER:PATH: that file alone, in a container that runs and in one that comes later")
        func binary() async throws {
            try await withImage { image, library, server, workspace in
                try await withContainers("sniscope-target-a", "sniscope-target-b", "sniscope-other") {
                    let base = try await docker.image(in: workspace)
                    try await docker.start("sniscope-target-a", image: image)
                    let tracer = try await Tracer("-v", "--binary", "sniscope-target-*:\(library)")
                    defer { tracer.stop() }
                    let names = (0..<4).map { _ in uniqueName("target") }
                    try await docker.start("sniscope-other", image: base)
                    try await docker.ask(names[0], in: "sniscope-other", port: server.port)
                    _ = try await Program.run(
                        "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-servername", names[1])
                    try await docker.ask(names[2], in: "sniscope-target-a", port: server.port)
                    // Its first process calls at once.
                    try await docker(
                        "run", "--rm", "--network", "host", "--add-host", "\(names[3]):127.0.0.1", "--name",
                        "sniscope-target-b", image, "wget", "-qO", "/dev/null", "--no-check-certificate",
                        "https://\(names[3]):\(server.port)/")
                    try await tracer.event(named: names[3])
                    let events = try await tracer.finish()
                    #expect(events.map(\.name) == [names[2], names[3]])
                    #expect(events.map { $0.runtime?.containerName } == ["sniscope-target-a", "sniscope-target-b"])
                    #expect(events.allSatisfy { $0.library.path == library })
                }
            }
        }

        @Test("a container that is not there yet is waited for; a file on a volume hides the image's")
        func volume() async throws {
            try await withImage { image, library, server, workspace in
                try await withContainers("sniscope-volume") {
                    let tracer = try await Tracer("-v", "--binary", "sniscope-volume:/volume/libtls.so")
                    defer { tracer.stop() }
                    try await tracer.notice(containing: "no container of that name runs; it is waited for")
                    let folder = workspace.path + "/volume"
                    try await Program.check("mkdir", folder)
                    try await Program.check("cp", "-L", library, folder + "/libtls.so")
                    try await docker.start(
                        "sniscope-volume", image: image, "-v", "\(folder):/volume", "-e", "LD_PRELOAD=/volume/libtls.so"
                    )
                    let name = uniqueName("volume")
                    try await docker.ask(name, in: "sniscope-volume", port: server.port)
                    let event = try await tracer.onlyEvent(named: name)
                    #expect(event.library.path == "/volume/libtls.so")
                    #expect(event.runtime?.containerName == "sniscope-volume")
                }
            }
        }

        @Test("a root folder that is read-only")
        func readOnly() async throws {
            try await withImage { image, library, server, _ in
                try await withContainers("sniscope-read-only") {
                    let tracer = try await Tracer("--binary", "sniscope-read-only:\(library)")
                    defer { tracer.stop() }
                    let name = uniqueName("read-only")
                    try await docker(
                        "run", "--rm", "--read-only", "--network", "host", "--add-host", "\(name):127.0.0.1", "--name",
                        "sniscope-read-only", image, "wget", "-qO", "/dev/null", "--no-check-certificate",
                        "https://\(name):\(server.port)/")
                    #expect(try await tracer.onlyEvent(named: name).runtime?.containerName == "sniscope-read-only")
                }
            }
        }

        @Test("list and inspect look into containers; pods are known by their labels")
        func list() async throws {
            try await withImage { image, library, _, _ in
                try await withContainers("sniscope-listed") {
                    try await docker.start(
                        "sniscope-listed", image: image, "-e", "LD_PRELOAD=\(library)", "--label",
                        "io.kubernetes.pod.namespace=shop", "--label", "io.kubernetes.pod.name=pod-7", "--label",
                        "io.kubernetes.container.name=web")
                    for arguments in [
                        ["-c", "sniscope-listed"], ["-p", "pod-*"], ["-n", "shop"], ["-c", "web"],
                        ["--binary", "sniscope-listed:\(library)"], ["--binary", "shop/pod-7/web:\(library)"],
                    ] {
                        // docker answers before the program has loaded its libraries.
                        try await wait("list \(arguments)") {
                            let list = try await Program.run([Sniscope.path, "list", "-o", "json"] + arguments)
                            let files = try FileEntry.all(list.output)
                            return files.contains {
                                $0.path == library && $0.containers?.map(\.containerName) == ["sniscope-listed"]
                            } && files.allSatisfy { $0.containers?.isEmpty == false }
                        }
                    }
                    for arguments in [["-p", "no-pod"], ["-n", "no-namespace"]] {
                        let list = try await Program.run([Sniscope.path, "list", "-o", "json"] + arguments)
                        #expect(list.end == .exited(0))
                        #expect(list.output.all.isEmpty)
                    }
                    let report = try await Sniscope.run("inspect", "-o", "json", "sniscope-listed:\(library)")
                    #expect(try FileEntry.all(report.output).first?.libraries.map(\.kind) == ["GnuTLS"])
                    let here = try await Sniscope.run("inspect", "-o", "json", library)
                    #expect(
                        try FileEntry.all(here.output).first?.buildId == FileEntry.all(report.output).first?.buildId)
                }
            }
        }

        @Test("what can't be traced in a container is said")
        func errors() async throws {
            try await withImage { image, _, _, _ in
                try await withContainers("sniscope-errors", "sniscope-errors-2") {
                    try await docker.start("sniscope-errors", image: image)
                    for (command, path, words) in [
                        (["trace", "--binary"], "/nowhere", "sniscope-errors:/nowhere: No such file"),
                        (["trace", "--binary"], "/etc/nsswitch.conf", "sniscope-errors:/etc/nsswitch.conf"),
                        (["trace", "--binary"], "/bin/sleep", "no TLS function"),
                        (["trace", "--binary"], "/bin", "directory"),
                        (["inspect"], "/nowhere", "sniscope-errors:/nowhere: No such file"),
                        (["inspect"], "/proc/self/exe", "sniscope-errors:/proc/self/exe"),
                        (["list", "--binary"], "/nowhere", "No such file"),
                    ] {
                        let program = try await Program.run([Sniscope.path] + command + ["sniscope-errors:\(path)"])
                        #expect(program.end == .exited(1), "\(program.account)")
                        #expect(program.errors.text.contains(words), "\(program.account)")
                    }
                    try await docker.start("sniscope-errors-2", image: image)
                    let several = try await Sniscope.run("inspect", "sniscope-errors*:/bin/sleep")
                    #expect(several.end == .exited(1))
                    #expect(several.errors.contains("sniscope-errors-2"), "\(several.account)")
                }
                for command in [["inspect"], ["list", "--binary"]] {
                    let program = try await Program.run([Sniscope.path] + command + ["no-such-container:/bin/sh"])
                    #expect(program.end == .exited(1))
                    #expect(program.errors.contains("no container of that name"), "\(program.account)")
                }
                // What is wrong in a container that comes later is no end.
                try await withContainers("sniscope-later") {
                    let tracer = try await Tracer("--binary", "sniscope-later:/bin/sleep")
                    defer { tracer.stop() }
                    try await docker.start("sniscope-later", image: image)
                    try await tracer.notice(containing: "no TLS function was found in sniscope-later:/bin/sleep")
                    try await tracer.finish()
                }
            }
        }
    }

    @Suite("Images with little in them", .asRoot, .having("docker", "cc", "musl-gcc"))
    struct SmallImages {
        private let docker = Docker.shared

        /// Makes an image of a folder, runs its program once with a name and returns the event.
        /// - Parameter options: Of the tracer.
        private func event(
            in workspace: Workspace, command: [String], _ options: [String], container: String
        ) async throws -> Event {
            try #require(await docker.answers, "no Docker daemon answers")
            let symbols = try workspace.write(
                """
                {
                    kind: "MyTLS",
                    recognise: { defines: ["my_set_name"] },
                    functions: [{ symbol: "my_set_name", name: { argument: 1, form: "terminated" } }],
                }
                """, to: "mine.json5")
            let image = "sniscope-test-small-\(UUID().uuidString.prefix(8).lowercased())"
            try await Program.check("tar", "-C", workspace.path + "/root", "-cf", workspace.path + "/image.tar", ".")
            try await docker("import", workspace.path + "/image.tar", image)
            await docker.remove([container])
            do {
                let tracer = try await Tracer(options: ["--symbols", symbols] + options)
                defer { tracer.stop() }
                let name = uniqueName("small")
                try await docker(["run", "--rm", "--network", "none", "--name", container, image] + command + [name])
                let event = try await tracer.onlyEvent(named: name)
                _ = try await docker("rmi", "-f", image)
                return event
            } catch {
                _ = try? await docker("rmi", "-f", image)
                throw error
            }
        }

        private static let library = "int my_set_name(void *context, const char *name) { return context && name; }"
        private static let caller = """
            int my_set_name(void *context, const char *name);
            int main(int count, char **arguments) { return !my_set_name(arguments, arguments[count - 1]); }
            """

        @Test("musl's loader, which has no cache: the first call into a library")
        func musl() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let root = workspace.path + "/root"
            try await Program.check("mkdir", "-p", root + "/lib", root + "/usr/lib")
            let (library, caller) = try (
                workspace.write(Self.library, to: "library.c"), workspace.write(Self.caller, to: "caller.c")
            )
            try await Program.check(
                "musl-gcc", "-shared", "-fPIC", "-Wl,-soname,libmine.so", "-o", root + "/usr/lib/libmine.so", library)
            try await Program.check("musl-gcc", "-o", root + "/app", caller, root + "/usr/lib/libmine.so")
            try await Program.check(
                "sh", "-c", #"cp -L "$(readelf -l "$0/app" | grep -o '/lib/ld-musl[^]]*')" "$0/lib/""#, root)
            let event = try await event(in: workspace, command: ["/app"], [], container: "sniscope-musl")
            #expect(event.runtime?.containerName == "sniscope-musl")
            #expect(event.library.path == "/usr/lib/libmine.so")
        }
    }

    @Suite("A colon in the path of a file", .asRoot)
    struct ColonPaths {
        @Test("a file of that very name is that file", arguments: ["with:colon", "a:/b/libssl.so"])
        func plainFile(name: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            try await Program.check("mkdir", "-p", workspace.path + "/a:/b")
            try workspace.copy(try await libraryPath("libssl.so.3"), as: name)
            for path in [name, "\(workspace.path)/\(name)"] {
                let program = try await Program.run(
                    "sh", "-c", #"cd "$0" && exec "$@""#, workspace.path, Sniscope.path, "inspect", path)
                #expect(program.end == .exited(0), "\(program.account)")
                #expect(program.output.contains("OpenSSL"))
            }
            let missing = try await Sniscope.run("inspect", "\(workspace.path)/not:here")
            #expect(missing.end == .exited(1))
            #expect(missing.errors.contains("No such file"))
        }

        @Test("neither a file nor CONTAINER:/PATH", arguments: ["web:", "web:lib.so", ":/lib.so", "web:/"])
        func malformed(text: String) async throws {
            for command in [["inspect"], ["trace", "--binary"], ["list", "--binary"]] {
                let program = try await Program.run([Sniscope.path] + command + [text])
                #expect(program.end == .exited(64), "\(program.account)")
                #expect(program.errors.contains("CONTAINER:/PATH"), "\(program.account)")
            }
        }
    }

    @Suite("User namespaces", .asRoot, .having("unshare", "nsenter", "cc"))
    struct UserNamespaces {
        /// The maps are the kernel's of user_namespaces(7): inner id, outer id, count.
        @Test(
            "ids as the host and as the container sees them",
            arguments: [
                // A container's usual one; several ranges; more ranges than the kernel keeps in the map itself.
                ("0 100000 1000", "0 200000 1000", 33, 44, 100033, 200044),
                (
                    "0 1000 1\n1 100000 50\n51 300000 500", "0 200000 10\n20 200100 5\n40 100200 9", 60, 44, 300009,
                    100204
                ),
                (
                    (0..<40).map { "\($0 * 10) \(500_000 - $0 * 1000) 10" }.joined(separator: "\n"),
                    (0..<6).map { "\($0 * 10) \(500_000 + $0 * 1000) 10" }.joined(separator: "\n"), 333, 7, 467_003,
                    500_007
                ),
            ])
        func mapped(uids: String, gids: String, uid: UInt32, gid: UInt32, outerUID: UInt32, outerGID: UInt32)
            async throws
        {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let holder = try Program(["unshare", "-U", "sh", "-c", "echo ready; exec sleep 60"])
            defer { holder.stop() }
            try await wait("the namespace", holder) { holder.output.contains("ready") }
            // One write(2) each, which a shell does not promise.
            try Data((uids + "\n").utf8).write(to: URL(filePath: "/proc/\(holder.pid)/uid_map"))
            try Data((gids + "\n").utf8).write(to: URL(filePath: "/proc/\(holder.pid)/gid_map"))
            let program = try await Caller.compile(in: workspace)
            let script = try workspace.write(
                "#!/bin/sh\nexec nsenter -t \(holder.pid) -U -S \(uid) -G \(gid) \(program)\n", to: "inside")
            try await Program.check("chmod", "755", script)
            let event = try await event(of: script)
            #expect(event.proc.creds.uid == outerUID)
            #expect(event.proc.creds.gid == outerGID)
            #expect(event.proc.creds.containerUid == uid)
            #expect(event.proc.creds.containerGid == gid)
        }

        @Test("ids that the namespace does not map; no namespace")
        func unmapped() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let script = try workspace.write("#!/bin/sh\nexec unshare -U \(program)\n", to: "inside")
            try await Program.check("chmod", "755", script)
            let inside = try await event(of: script).proc.creds
            #expect([inside.uid, inside.gid] == [0, 0])
            #expect([inside.containerUid, inside.containerGid] == [65534, 65534])
            let outside = try await event(of: program).proc.creds
            #expect([outside.containerUid, outside.containerGid] == [nil, nil])
        }

        private func event(of program: String) async throws -> Event {
            let library = try await libraryPath("libssl.so.3")
            let caller = try await Caller(program, library: library)
            defer { caller.stop() }
            let tracer = try await Tracer("--binary", library)
            defer { tracer.stop() }
            let name = uniqueName("user")
            try await caller.tell("name \(name)")
            return try await tracer.onlyEvent(named: name)
        }
    }
}
