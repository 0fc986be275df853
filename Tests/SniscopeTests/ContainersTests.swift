import Foundation
import Testing

extension EndToEnd {
    @Suite("containers", .asRoot)
    struct Containers {
        let docker = Docker.shared

        /// A `containers -w -o json` that watches.
        private func watch(_ arguments: String...) async throws -> Program {
            let program = try Program([Sniscope.path, "containers", "-w", "--no-header"] + arguments)
            do {
                // Its own thread for the end of the output comes when the kernel reports already.
                try await wait("the watch", program) {
                    if let end = program.end { throw Problem("sniscope ended: \(end)\n\(program.account)") }
                    guard let worker = try? program.worker() else { return false }
                    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/task")
                    return threads.contains { thread in
                        (try? String(contentsOfFile: "/proc/\(worker)/task/\(thread)/comm", encoding: .utf8))
                            == "output\n"
                    }
                }
            } catch {
                program.stop()
                throw error
            }
            return program
        }

        /// What no other container's name begins with.
        private static func tag() -> String { "sniscope-\(UUID().uuidString.prefix(8).lowercased())" }

        private func finish(_ program: Program) async throws -> [ContainerEntry] {
            program.signal(SIGINT)
            #expect(try await program.waitForEnd() == .exited(0), "\(program.account)")
            return try ContainerEntry.all(program.output)
        }

        @Test(
            "Docker's: name, id, image, pid, start; one that does not run with --all alone", .having("docker"),
            .enabled("no Docker daemon answers") { await Docker.shared.answers })
        func ofDocker() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let image = try await docker.image(in: workspace)
            let tag = Self.tag()
            let (running, ended) = (tag + "-listed", tag + "-ended")
            await docker.remove([running, ended])
            try await docker.start(running, image: image)
            try await docker(["run", "--name", ended, "--network", "host", image, "sleep", "0"])
            let list = try await Sniscope.run("containers", "-o", "json", "-r", "docker", "-c", tag + "-*")
            #expect(list.end == .exited(0), "\(list.account)")
            let entries = try ContainerEntry.all(list.output)
            #expect(entries.map(\.runtime.containerName) == [running])
            let entry = try #require(entries.first)
            let inspected = try await docker("inspect", "-f", "{{.Id}} {{.State.Pid}} {{.State.StartedAt}}", running)
                .split(separator: " ")
            #expect(entry.runtime.containerId == inspected[0])
            #expect(entry.runtime.containerPid.map(String.init) == String(inspected[1]))
            #expect(entry.runtime.containerImageName == image)
            #expect(entry.running == true)
            #expect(entry.cgroup?.hasSuffix(entry.runtime.containerId) == true)
            #expect(entry.bundle?.hasSuffix(entry.runtime.containerId) == true)
            let startedAt = try #require(entry.startedAt.flatMap(date))
            let expected = try #require(date(String(inspected[2])))
            #expect(abs(startedAt.timeIntervalSince(expected)) <= 2)

            let all = try await Sniscope.run("containers", "-a", "-o", "json", "-c", tag + "-*")
            let others = try ContainerEntry.all(all.output).filter { $0.running == false }
            #expect(others.map(\.runtime.containerName) == [ended])
            #expect(
                list.output.text.matches(of: /"([A-Za-z0-9_]+)":/).map { String($0.output.1) } == [
                    "runtime", "runtimeName", "containerName", "containerId", "containerPid", "containerImageName",
                    "running", "startedAt", "cgroup", "bundle",
                ])
            let table = try await Sniscope.run("containers", "-c", running)
            #expect(table.output.all.first?.hasPrefix("RUNTIME CONTAINERNAME ") == true, "as wide as what is in them")
            #expect(table.output.contains(String(entry.runtime.containerId.prefix(12)) + " " + image))
            await docker.remove([running, ended])
        }

        @Test(
            "-w: a container that lives a tenth of a second, by its name; one that is renamed, by its new one",
            .having("docker"),
            .enabled("no Docker daemon answers") { await Docker.shared.answers })
        func watchDocker() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let image = try await docker.image(in: workspace)
            let tag = Self.tag()
            let (before, after, short) = (tag + "-old", tag + "-new", tag + "-short")
            await docker.remove([before, after, short])
            try await docker.start(before, image: image)
            let program = try await watch("-o", "json", "-c", tag + "-*")
            defer { program.stop() }
            try await docker("run", "--rm", "--network", "host", "--name", short, image, "sleep", "0.1")
            try await docker("rename", before, after)
            try await docker("rm", "-f", after)
            try await wait("three events", program) { try ContainerEntry.all(program.output).count >= 4 }
            let entries = try await finish(program)
            #expect(
                entries.map { "\($0.type ?? "") \($0.runtime.containerName)" } == [
                    "present \(before)", "start \(short)", "stop \(short)", "stop \(after)",
                ])
            #expect(Set(entries[1...2].map(\.runtime.containerId)).count == 1)
            #expect(entries[1].runtime.containerImageName == image)
            #expect(try #require(entries[1].timestamp) < #require(entries[2].timestamp))
        }

        @Test("-w: bare runc's, by their own names; --count and the columns", .having("runc"))
        func watchRunc() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let id = Self.tag()
            let bundle = try RuncBundle(at: "\(workspace.path)/\(id)", arguments: ["/bin/sleep", "600"])
            let container = RuncContainer(id: id, bundle: bundle)
            let program = try await watch("-o", "json", "-c", id)
            defer { program.stop() }
            let table = try await watch("--count", "2", "-c", id)
            defer { table.stop() }
            try await container.start()
            try await wait("the start", program) { try ContainerEntry.all(program.output).count == 1 }
            let listed = try await Sniscope.run("containers", "-o", "json", "-r", "runc", "-c", id)
            let pid = try await container.pid
            await container.delete()
            #expect(try await table.waitForEnd() == .exited(0), "\(table.account)")
            #expect(table.output.all.map { $0.prefix(8) } == ["start   ", "stop    "])
            try await wait("the stop", program) { try ContainerEntry.all(program.output).count == 2 }
            let entries = try await finish(program)
            #expect(entries.map(\.type) == ["start", "stop"])
            for entry in entries {
                #expect(entry.runtime.runtimeName == "runc")
                #expect(entry.runtime.containerName == id)
                #expect(entry.runtime.containerId == id)
                #expect(entry.bundle == bundle.path)
            }
            let entry = try #require(try ContainerEntry.all(listed.output).first, "\(listed.account)")
            #expect(entry.runtime.containerId == id && entry.runtime.containerPid == pid && entry.startedAt != nil)
        }

        @Test("-w ends by itself after --timeout, and soon when its reader has gone", .having("bash"))
        func ends() async throws {
            let timed = try await Sniscope.run("containers", "-w", "-t", "0.2")
            #expect(timed.end == .exited(0), "\(timed.account)")
            let script = #""$@" | head -1 >&2; exit "${PIPESTATUS[0]}""#
            let closed = try await Program.run("bash", "-c", script, "bash", Sniscope.path, "containers", "-w")
            #expect(closed.end == .exited(0), "\(closed.account)")
            #expect(closed.errors.contains("EVENT"))
        }

        @Test(
            "wrong usage",
            arguments: [
                (["-w", "-a"], "--watch"), (["-t", "1"], "--watch"), (["-w", "-t", "0"], "--timeout"),
                (["-w", "--count", "0"], "--count"), (["--fields", "nmae"], "nmae"), (["-F", "nmae==x"], "nmae"),
                (["-r", "lxd"], "lxd"), (["--fields", "event"], "event"), (["--symbols", "x"], "--symbols"),
            ])
        func usage(arguments: [String], word: String) async throws {
            let program = try await Program.run([Sniscope.path, "containers"] + arguments, seconds: 10)
            #expect(program.end == .exited(64), "\(program.account)")
            #expect(program.errors.text.contains(word))
            #expect(program.output.all.isEmpty)
        }

        @Test("without privileges: what can be read is listed; a watch is refused", .having("setpriv"))
        func notPermitted() async throws {
            let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Sniscope.path, "containers"]
            let list = try await Program.run(nobody)
            #expect(list.end == .exited(0), "\(list.account)")
            #expect(list.output.contains("CONTAINERNAME"))
            let watch = try await Program.run(nobody + ["-w"])
            #expect(watch.end == .exited(77), "\(watch.account)")
            #expect(watch.errors.contains("CAP_BPF"))
        }

        @Test("a watch on a kernel without BTF", .having("unshare"))
        func withoutBTF() async throws {
            let program = try await Sniscope.run(
                after: "mount -t tmpfs none /sys/kernel/btf", "containers", "-w", "-t", "1")
            #expect(program.end == .exited(69), "\(program.account)")
        }
    }
}
