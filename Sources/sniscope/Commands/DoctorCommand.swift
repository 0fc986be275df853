import ArgumentParser
import Containers
import LibBPF
import OS
import Processes
import Rendering
import TLSLibraries
import Tracing

struct DoctorCommand: HostCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this kernel, these privileges and these runtimes allow.")

    @OptionGroup(title: "Where") var host: HostOptions

    func prepare() throws -> @Sendable () async throws -> Void {
        let catalog = try LibraryCatalog.builtin
        try host.enter()
        return { try await check(catalog) }
    }

    private func check(_ catalog: LibraryCatalog) async throws {
        var findings = HostRequirement.all.map { requirement in
            do throws(HostLimitation) {
                try requirement.check()
                return Finding(.ok, requirement.name, requirement.found)
            } catch {
                return Finding(.impossible, requirement.name, error.description)
            }
        }
        if !findings.contains(where: { $0.level == .impossible }) { findings += await start(catalog) + [overlays] }
        findings += [capabilities, deletedFiles, changes, tracefs, cgroups]
        findings += runtimes
        findings += await docker()
        let width = findings.map(\.subject.count).max() ?? 0
        let text = findings.map { finding in
            let subject = finding.subject + String(repeating: " ", count: width - finding.subject.count)
            return "\(finding.level.rawValue)  \(subject)  \(finding.text.escapedForTerminal)\n"
        }.joined()
        try OutputFile.standardOutput.writeUnlessClosed(Array(text.utf8))
        if findings.contains(where: { $0.level == .impossible }) { throw ExitCode(ExitStatus.failed) }
    }

    private struct Finding {
        enum Level: String {
            case ok = "ok  "
            case limited = "less"
            case impossible = "no  "
        }

        let level: Level
        let subject: String
        let text: String

        init(_ level: Level, _ subject: String, _ text: String) {
            self.level = level
            self.subject = subject
            self.text = text
        }
    }

    /// Starts what `trace` starts, for this process alone, and ends it.
    private func start(_ catalog: LibraryCatalog) async -> [Finding] {
        var options = SessionOptions(catalog: catalog)
        options.target = .processes([Int32(bitPattern: Host.pid)])
        let means: TracingSession.Means
        do {
            let session = try TracingSession(options: options)
            // It stops once it is ready: this process has no TLS library, so a uprobe was tried on sniscope itself by then.
            try await session.report(into: ()) { _, batch in
                if batch.contains(where: \.isReady) { session.stop() }
            }
            _ = session.close()
            _ = try session.summary()
            means = session.means
        } catch {
            let failure = (error as? BPFError)?.summary ?? CommandFailure(error)?.message ?? "\(error)"
            return [Finding(.impossible, "tracing", failure)]
        }
        return [
            means.method == .multi
                ? Finding(.ok, "uprobes", "attached by uprobe_multi")
                : Finding(.ok, "uprobes", "attached by perf events; Linux 6.6 and newer attach faster"),
            means.readsAbsentPages
                ? Finding(.ok, "names", "read also from pages that are not in memory yet")
                : Finding(
                    .limited, "names",
                    "unreadable, and counted, on pages that are not in memory yet; Linux 6.0 and newer can read them"),
            means.usesPerfEvents
                ? Finding(.ok, "mappings", "reported by perf events")
                : Finding(.ok, "mappings", "reported by a BPF program: perf events of the system are not permitted"),
        ]
    }

    private var overlays: Finding {
        do {
            try InodeIdentifier.ofThisKernel.load()
            return Finding(.ok, "overlays", "files that containers share are told apart")
        } catch {
            return Finding(
                .limited, "overlays", "a file that several overlays show may be reported twice (\(error.summary))")
        }
    }

    /// This process has given up what `trace` gives up.
    private var capabilities: Finding {
        let names = Capability.held.map(\.name).joined(separator: ", ")
        return Finding(.ok, "capabilities", "held while tracing: \(names.isEmpty ? "none" : names)")
    }

    private var deletedFiles: Finding {
        Capability.checkpointRestore.isHeld
            ? Finding(.ok, "map_files", "files that were deleted while mapped are traced")
            : Finding(.limited, "map_files", "deleted files are not traced; that needs CAP_CHECKPOINT_RESTORE")
    }

    private var changes: Finding {
        do {
            _ = try ModificationMonitor()
            return Finding(.ok, "changes", "the probes of a file that is rewritten in place are removed at once")
        } catch {
            return Finding(
                .limited, "changes", "a probed file that is rewritten in place breaks whoever loads it next (\(error))")
        }
    }

    private var tracefs: Finding {
        let path = "/sys/kernel/tracing"
        return Files.exists(path + "/events")
            ? Finding(.ok, "tracefs", "mounted at \(path); sniscope does not need it")
            : Finding(.ok, "tracefs", "not mounted; sniscope does not need it")
    }

    private var cgroups: Finding {
        do {
            let layout = try CgroupLayout.current()
            guard let unified = layout.unified else {
                return Finding(
                    .limited, "cgroups", "v1 only: containers are filtered after the event, not in the kernel")
            }
            return Finding(.ok, "cgroups", "\(layout.kind), v2 at \(unified)")
        } catch {
            return Finding(.limited, "cgroups", "\(error)")
        }
    }

    /// What is read of each runtime that is there, and what can't be.
    private var runtimes: [Finding] {
        // Without /proc there are none to be found.
        let processes = (try? RuntimeProcess.running()) ?? []
        let runtimes = ContainerRuntimes.discover()
        let containers = Dictionary(grouping: runtimes.listWithUnlisted().containers, by: \.runtime)
        var findings = (RuntimeName.all + [.unknown]).compactMap { name -> Finding? in
            let daemons = processes.filter { $0.comm == name.daemon }
            let known = containers[name] ?? []
            guard !known.isEmpty || !daemons.isEmpty else { return nil }
            let running = known.count { $0.initPid != nil }
            let who = daemons.map { "\($0.comm) (\($0.pid))" }
            return Finding(
                name == .unknown ? .limited : .ok, name.rawValue,
                (["\(counted(known.count, "container")), \(running) running"] + who).joined(separator: "; "))
        }
        for runtime in runtimes.runtimes {
            let failures = runtime.containers().failures
            findings += failures.prefix(Self.mostFailures).map {
                Finding(.limited, runtime.name.rawValue, "\($0); \(Self.loss)")
            }
            if failures.count > Self.mostFailures {
                findings.append(
                    Finding(
                        .limited, runtime.name.rawValue,
                        "\(failures.count - Self.mostFailures) more can't be read; \(Self.loss)"))
            }
        }
        return findings.isEmpty ? [Finding(.ok, "containers", "no container runtime is found")] : findings
    }

    /// Of one runtime; a store of hundreds may be unreadable file by file.
    private static let mostFailures = 3
    private static let loss = "names come from the cgroup and bundle alone"

    private func docker() async -> [Finding] {
        // Without /proc there are none to be found.
        let daemons = DockerDaemon.among((try? RuntimeProcess.running()) ?? []).filter { $0.pid != nil }
        var findings: [Finding] = []
        for daemon in daemons {
            for socket in daemon.sockets {
                do {
                    let containers = try await DockerClient(socket: socket, timeout: .seconds(2)).list()
                    findings.append(
                        Finding(.ok, "docker", "\(counted(containers.count, "container")) at \(socket), for new names"))
                } catch {
                    findings.append(
                        Finding(.limited, "docker", "\(error); names come from \(daemon.dataRoot) alone"))
                }
            }
        }
        return findings
    }
}

extension RuntimeName {
    /// The name of the process that keeps its containers; nil where each has its own, or none.
    fileprivate var daemon: String? {
        switch self {
        case .docker: "dockerd"
        case .containerd: "containerd"
        case .crio: "crio"
        default: nil
        }
    }
}
