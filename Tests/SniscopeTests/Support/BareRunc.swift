import Foundation

/// Bundles for `runc run`, with this host's own `sleep`.
struct BareRunc {
    let folder: String

    init(in workspace: Workspace) async throws {
        folder = workspace.path
        let script = """
            root="$0/rootfs"
            mkdir -p "$root/bin" "$root/proc" "$0/state"
            for library in $(ldd "$(command -v sleep)" | grep -o '/[^ ]*'); do
                mkdir -p "$root$(dirname "$library")"
                cp -L "$library" "$root$library"
            done
            cp -L "$(command -v sleep)" "$root/bin/sleep"
            """
        try await Program.check("sh", "-ec", script, folder)
    }

    /// Starts a container that sleeps.
    func run(_ id: String, seconds: String) async throws {
        let bundle = "\(folder)/\(id)"
        try FileManager.default.createDirectory(atPath: bundle, withIntermediateDirectories: true)
        let config = """
            {"ociVersion": "1.0.2", "root": {"path": "\(folder)/rootfs", "readonly": true},
             "process": {"args": ["/bin/sleep", "\(seconds)"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
             "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
             "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]}}
            """
        try Data(config.utf8).write(to: URL(filePath: bundle + "/config.json"))
        let command = "exec runc --root \"$0/state\" run --detach --bundle \"$1\" \"$2\" </dev/null >/dev/null 2>&1"
        try await Program.check("sh", "-c", command, folder, bundle, id)
    }

    func remove(_ id: String) async {
        _ = try? await Program.run("runc", "--root", folder + "/state", "delete", "--force", id)
    }
}
