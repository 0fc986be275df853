import Foundation
import Testing

extension EndToEnd {
    @Suite("Containers without a daemon: crun, LXC, systemd-nspawn", .asRoot, .having("cc", "/bin/busybox", "ldd"))
    struct Daemonless {
        /// Gives `body` a folder and a root folder in it, which has a caller and a library at the host's places.
        private func withRoot(
            _ body: (_ bundle: RuncBundle, _ caller: String, _ library: String, _ name: String) async throws -> Void
        ) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let caller = try await Caller.compile(in: workspace)
            let library = try await libraryPath("libssl.so.3")
            let bundle = try RuncBundle(at: workspace.path + "/bundle", arguments: [caller])
            try await bundle.add(caller, library)
            try await body(bundle, caller, library, "sniscope-\(UUID().uuidString.prefix(8).lowercased())")
        }

        private func expect(
            _ caller: Caller, _ tracer: Tracer, in name: String, of runtime: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            // Nothing tells beforehand what it loads: its library is probed when it is mapped.
            let prefix = uniqueName(runtime)
            var count = 0
            let event = try await wait("a call in \(name)", tracer.program) {
                count += 1
                try await caller.tell("name \(count).\(prefix)")
                return try Event.all(tracer.program.output.all).first { $0.name?.hasSuffix(prefix) == true }
            }
            #expect(event.runtime?.containerName == name, sourceLocation: sourceLocation)
            #expect(event.runtime?.runtimeName == runtime, sourceLocation: sourceLocation)
        }

        @Test("crun, while sniscope traces", .having("crun", "unshare"))
        func crun() async throws {
            try await withRoot { bundle, _, library, name in
                // crun refuses a v2 hierarchy with controllers beside v1; it asks this one file.
                try Data().write(to: URL(filePath: bundle.path + "/none"))
                let script = """
                    file=/sys/fs/cgroup/unified/cgroup.controllers
                    if [ -e $file ]; then mount --bind "$0/none" $file; fi
                    exec crun run --bundle "$0" "$1"
                    """
                let tracer = try await Tracer()
                defer { tracer.stop() }
                let caller = try await Caller(
                    command: ["unshare", "-m", "sh", "-ec", script, bundle.path, name], library: library)
                do {
                    try await expect(caller, tracer, in: name, of: "crun")
                } catch {
                    _ = try? await Program.run("crun", "delete", "--force", name)
                    throw error
                }
                _ = try? await Program.run("crun", "delete", "--force", name)
            }
        }

        @Test("LXC, while sniscope traces", .having("lxc-start", "lxc-attach", "lxc-stop"))
        func lxc() async throws {
            try await withRoot { bundle, program, library, name in
                let folder = "\(bundle.path)/\(name)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let config = """
                    lxc.rootfs.path = dir:\(bundle.root)
                    lxc.net.0.type = none
                    lxc.apparmor.profile = unconfined
                    lxc.init.cmd = /bin/sleep 600

                    """
                try Data(config.utf8).write(to: URL(filePath: folder + "/config"))
                let tracer = try await Tracer()
                defer { tracer.stop() }
                // The monitor would hold a pipe of this process's open.
                try await Program.check(
                    "sh", "-c", #"exec lxc-start -P "$0" -n "$1" -d </dev/null >/dev/null 2>&1"#, bundle.path, name)
                do {
                    let caller = try await Caller(
                        command: ["lxc-attach", "-P", bundle.path, "-n", name, "--", program], library: library)
                    defer { caller.stop() }
                    try await expect(caller, tracer, in: name, of: "lxc")
                } catch {
                    _ = try? await Program.run("lxc-stop", "-P", bundle.path, "-n", name, "-k")
                    throw error
                }
                _ = try? await Program.run("lxc-stop", "-P", bundle.path, "-n", name, "-k")
            }
        }

        @Test("systemd-nspawn, before sniscope traces", .having("systemd-nspawn"))
        func nspawn() async throws {
            try await withRoot { bundle, program, library, name in
                for folder in ["usr", "etc"] {
                    try FileManager.default.createDirectory(
                        atPath: "\(bundle.root)/\(folder)", withIntermediateDirectories: true)
                }
                try Data().write(to: URL(filePath: bundle.root + "/etc/os-release"))
                // It mounts an empty /tmp.
                try FileManager.default.copyItem(atPath: program, toPath: bundle.root + "/bin/caller")
                let caller = try await Caller(
                    command: [
                        "systemd-nspawn", "--register=no", "--keep-unit", "--pipe", "-q", "-M", name, "-D", bundle.root,
                        "/bin/caller",
                    ], library: library)
                defer { caller.stop() }
                let tracer = try await Tracer()
                defer { tracer.stop() }
                try await expect(caller, tracer, in: name, of: "systemd-nspawn")
            }
        }
    }
}
