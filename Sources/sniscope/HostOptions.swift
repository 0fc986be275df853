import ArgumentParser
import OS

/// From where the host is looked at.
struct HostOptions: ParsableArguments {
    @Option(
        name: .customLong("host-root"),
        help: ArgumentHelp(
            "In a privileged container: where the host's root folder, or its /proc, is mounted. Paths are the host's.",
            valueName: "path"))
    var root: String?

    /// With --host-root: goes over to the host's view of files, cgroups and names, for good. What the user named as it
    /// is in the container is to be opened before; no thread may have been started by then.
    /// - Throws: `CommandFailure`, `SystemError`.
    func enter() throws {
        guard let root else { return }
        guard Capability.sysAdmin.isHeld else {
            throw CommandFailure(
                "--host-root is not permitted: CAP_SYS_ADMIN missing; start the container with --privileged, as root",
                status: ExitStatus.notPermitted)
        }
        let process = try Self.hostProcess(below: root)
        // The kernel would refuse without a reason.
        let threads = try Files.names(in: "/proc/self/task").count
        guard threads == 1 else {
            throw CommandFailure("cannot enter the host's mount namespace: \(threads) threads run already")
        }
        do throws(SystemError) {
            try Namespace.enter([.cgroup, .uts, .mount], ofProcess: process)
        } catch {
            guard error.isNotPermitted else { throw error }
            throw CommandFailure(
                "\(error) (--host-root); start the container with --privileged", status: ExitStatus.notPermitted)
        }
    }

    /// A process that is in the host's own namespaces: its first one or, where that is guarded, the kernel's first
    /// thread. BPF programs report pids of the machine's first PID namespace: they must be this process's, too.
    private static func hostProcess(below root: String) throws -> String {
        let proc = root + (root.hasSuffix("/") ? "" : "/") + "proc/"
        var failure: SystemError?
        for process in [proc + "1", proc + "2"] {
            do throws(SystemError) {
                let namespace = try Namespace.pid.number(ofProcess: process)
                let own = try Namespace.pid.number(ofProcess: "/proc/self")
                if namespace == own, own == Namespace.firstPIDNamespace { return process }
                failure = nil
                break
            } catch {
                failure = failure ?? error
                guard error.isNotPermitted else { break }
            }
        }
        guard let failure else {
            throw CommandFailure(
                "not in the host's PID namespace (--host-root); start the container with --pid=host")
        }
        let hint =
            failure.isNotPermitted
            ? "start the container with --privileged"
            : "mount the host's root folder, or its /proc, below \(root) (docker run -v /:\(root):ro …)"
        throw CommandFailure(
            "\(failure) (--host-root); \(hint)",
            status: failure.isNotPermitted ? ExitStatus.notPermitted : ExitStatus.failed)
    }
}

/// A command that can look at the host from inside a container.
protocol HostCommand: AsyncParsableCommand {
    /// Opens what the user named as it is in the container, and goes over to the host. To be called on the first thread,
    /// before others are started.
    /// - Returns: What is left to do.
    func prepare() throws -> @Sendable () async throws -> Void
}

extension HostCommand {
    func run() async throws {
        try await prepare()()
    }
}
