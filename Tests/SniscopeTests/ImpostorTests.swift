import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "What a user calls like a container of root's",
        .asRoot, .having("runc", "cc", "/bin/busybox", "ldd", "useradd", "setpriv"))
    struct Impostors {
        /// Gives `body` a caller of a user in a cgroup of his own with that name.
        private func withImpostor(
            _ cgroup: String, _ body: (_ user: Podman.User, _ caller: Caller) async throws -> Void
        ) async throws {
            let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n")
            let root = try #require(
                mounts.map { $0.split(separator: " ") }.first { $0[2] == "cgroup2" }, "a v2 hierarchy")[1]
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await Caller.compile(in: workspace)
            let user = try await Podman.User()
            let delegated = "\(root)/\(user.name)"
            let script = """
                mkdir "$0"; chown \(user.uid) "$0"
                setpriv --reuid \(user.uid) --clear-groups mkdir "$0/\(cgroup)"
                """
            let result: Result<Void, any Error>
            do {
                try await Program.check("sh", "-ec", script, delegated)
                let caller = try await Caller(
                    command: [
                        "sh", "-ec", #"echo $$ >"$0/cgroup.procs"; exec setpriv --reuid "$1" --clear-groups "$2""#,
                        "\(delegated)/\(cgroup)", "\(user.uid)", program,
                    ], library: try await libraryPath("libssl.so.3"))
                do {
                    result = .success(try await body(user, caller))
                } catch {
                    result = .failure(error)
                }
                caller.stop()
                // A cgroup goes after its last process.
                _ = try? await caller.program.waitForEnd()
            } catch {
                result = .failure(error)
            }
            for folder in ["\(delegated)/\(cgroup)", delegated] { rmdir(folder) }
            await user.remove()
            try result.get()
        }

        @Test(
            "a cgroup of a user's with a container's name: its processes are the host's",
            arguments: ["docker-" + String(repeating: "5e", count: 32) + ".scope", "machine-web.scope"])
        func name(cgroup: String) async throws {
            try await withImpostor(cgroup) { _, caller in
                let tracers = [
                    try await Tracer(), try await Tracer("--scope", "host"), try await Tracer("--scope", "containers"),
                    try await Tracer("-c", "web"),
                ]
                defer { for tracer in tracers { tracer.stop() } }
                let name = uniqueName("impostor")
                try await caller.tell("name \(name)")
                for tracer in tracers[..<2] { #expect(try await tracer.event(named: name).runtime == nil) }
                for tracer in tracers[2...] {
                    let names = try await tracer.finish().map(\.name)
                    #expect(!names.contains(name))
                }
                let list = try await Sniscope.run("containers", "-o", "json")
                #expect(!list.output.contains(cgroup))
            }
        }
    }
}
