import Foundation
import Testing

extension EndToEnd {
    @Suite("Whose a call is: the control group decides", .asRoot, .having("runc", "cc", "/bin/busybox", "ldd"))
    struct Attribution {
        /// A container whose program is a caller, and which holds a caller more.
        private struct Setting {
            let workspace: Workspace
            /// On the host; the container has it at the same place.
            let caller: String
            let library: String
            let container: RuncContainer

            init(cgroupsPath: String? = nil) async throws {
                workspace = try Workspace()
                caller = try await Caller.compile(in: workspace)
                library = try await libraryPath("libssl.so.3")
                let id = "sniscope-\(UUID().uuidString.prefix(8).lowercased())"
                let bundle = try RuncBundle(
                    at: workspace.path + "/bundle", arguments: [caller], cgroupsPath: cgroupsPath)
                try await bundle.add(caller, library)
                container = RuncContainer(id: id, bundle: bundle)
            }

            func remove() async {
                await container.delete()
                workspace.remove()
            }
        }

        /// Gives `body` a setting, a tracer, and the caller that is the container's first process.
        private func withContainer(
            _ body: (_ setting: Setting, _ tracer: Tracer, _ inside: Caller) async throws -> Void
        ) async throws {
            let setting = try await Setting()
            do {
                let tracer = try await Tracer()
                defer { tracer.stop() }
                let inside = try await Caller(command: setting.container.runCommand, library: setting.library)
                defer { inside.stop() }
                try await body(setting, tracer, inside)
            } catch {
                await setting.remove()
                throw error
            }
            await setting.remove()
        }

        /// Has a caller ask for a name of its own.
        private func ask(_ caller: Caller, _ tracer: Tracer, _ command: String = "name") async throws -> Event {
            let name = uniqueName(command)
            try await caller.tell("\(command) \(name)")
            return try await tracer.event(named: name)
        }

        private func expect(
            _ event: Event, in container: RuncContainer?, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(event.runtime?.containerName == container?.id, sourceLocation: sourceLocation)
            #expect(event.runtime?.containerId == container?.id, sourceLocation: sourceLocation)
            #expect(event.runtime?.runtimeName == container.map { _ in "runc" }, sourceLocation: sourceLocation)
        }

        /// The folder of a container's cgroup in the hierarchy that events tell: v2's, where there is one.
        private func cgroupFolder(of pid: Int32) throws -> (root: String, own: String) {
            let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n")
            let unified = mounts.map { $0.split(separator: " ") }.first { $0[2] == "cgroup2" }
            let root = String(try #require(unified, "a v2 hierarchy")[1])
            let paths = try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8).split(separator: "\n")
            return (root, root + (try #require(paths.first { $0.hasPrefix("0::") }).dropFirst(3)))
        }

        private func move(_ pid: Int32, to folder: String) throws {
            try Data("\(pid)\n".utf8).write(to: URL(filePath: folder + "/cgroup.procs"))
        }

        @Test("the kernel leaves an excluded container out, also where it makes new cgroups")
        func excluded() async throws {
            let setting = try await Setting()
            do {
                let inside = try await Caller(command: setting.container.runCommand, library: setting.library)
                defer { inside.stop() }
                let host = try await Caller(setting.caller, library: setting.container.bundle.root + setting.library)
                defer { host.stop() }
                let tracer = try await Tracer("--scope", "host")
                defer { tracer.stop() }
                _ = try await ask(host, tracer)
                let pid = try await setting.container.pid
                let folder = try cgroupFolder(of: pid).own
                for name in ["new", "new/below"] {
                    let new = folder + "/" + name
                    try FileManager.default.createDirectory(atPath: new, withIntermediateDirectories: false)
                    try move(pid, to: new)
                    try await inside.tell("burst 1000 \(uniqueName("excluded"))")
                }
                try await tracer.finish()
                // Captured and left out by sniscope itself would be "1 shown".
                let summary = try #require(tracer.program.errors.all.last)
                #expect(summary.hasPrefix("1 server name, 0 lost") && !summary.contains("shown"), "\(summary)")
            } catch {
                await setting.remove()
                throw error
            }
            await setting.remove()
        }

        @Test("a container's first process, its child that has not called exec, its thread; another program in it")
        func inside() async throws {
            try await withContainer { setting, tracer, inside in
                let first = try await ask(inside, tracer)
                expect(first, in: setting.container)
                #expect(first.proc.pid == first.proc.tid && first.proc.comm == "caller")
                #expect(first.proc.pid == (try await setting.container.pid))
                let child = try await ask(inside, tracer, "fork")
                expect(child, in: setting.container)
                #expect(child.proc.pid != first.proc.pid && child.proc.parent.pid == first.proc.pid)
                #expect(child.proc.exe == first.proc.exe)
                let thread = try await ask(inside, tracer, "thread")
                expect(thread, in: setting.container)
                #expect(thread.proc.pid == first.proc.pid && thread.proc.tid != first.proc.pid)

                let other = try await Caller(
                    command: setting.container.execCommand(setting.caller), library: setting.library)
                defer { other.stop() }
                let event = try await ask(other, tracer)
                expect(event, in: setting.container)
                #expect(event.proc.pid != first.proc.pid)
            }
        }

        @Test("a program of the host in the container's namespaces is the host's", .having("nsenter"))
        func entered() async throws {
            try await withContainer { setting, tracer, inside in
                let pid = try await ask(inside, tracer).proc.pid
                let entering = ["nsenter", "--target", "\(pid)", "--mount", "--uts", "--ipc"]
                for command in [entering, entering + ["--pid"]] {
                    let entered = try await Caller(command: command + [setting.caller], library: setting.library)
                    defer { entered.stop() }
                    let event = try await ask(entered, tracer)
                    expect(event, in: nil)
                    let own = try namespaceNumber(of: getpid())
                    #expect(event.proc.mountNamespace != UInt64(own))
                }
            }
        }

        @Test("a process that is moved into the container's control group, and one that is moved out")
        func moved() async throws {
            try await withContainer { setting, tracer, inside in
                let pid = try await ask(inside, tracer).proc.pid
                let cgroup = try cgroupFolder(of: pid)
                let outside = try await Caller(setting.caller, library: setting.library)
                defer { outside.stop() }
                expect(try await ask(outside, tracer), in: nil)
                try move(outside.pid, to: cgroup.own)
                expect(try await ask(outside, tracer), in: setting.container)
                try move(outside.pid, to: cgroup.root)
                expect(try await ask(outside, tracer), in: nil)

                // A group that the container's program makes is the container's too.
                let below = cgroup.own + "/below"
                try FileManager.default.createDirectory(atPath: below, withIntermediateDirectories: false)
                try move(pid, to: below)
                expect(try await ask(inside, tracer), in: setting.container)
                try move(pid, to: cgroup.root)
                expect(try await ask(inside, tracer), in: nil)
                rmdir(below)
            }
        }

        @Test("a pid that was the container's and is the host's now, and the other way round")
        func reusedPid() async throws {
            try await withContainer { setting, tracer, inside in
                let first = try await ask(inside, tracer)
                expect(first, in: setting.container)
                let cgroup = try cgroupFolder(of: first.proc.pid)
                let other = try await Caller(
                    command: setting.container.execCommand(setting.caller), library: setting.library)
                defer { other.stop() }
                let number = try await ask(other, tracer).proc.pid
                try other.program.say("exit")
                _ = try await other.program.waitForEnd()

                let host = try await caller(withPid: number, setting)
                let ofHost = try await ask(host, tracer)
                #expect(ofHost.proc.pid == number && ofHost.proc.exe == setting.caller)
                expect(ofHost, in: nil)
                host.stop()
                _ = try await host.program.waitForEnd()

                let again = try await caller(withPid: number, setting)
                defer { again.stop() }
                try move(number, to: cgroup.own)
                let ofContainer = try await ask(again, tracer)
                #expect(ofContainer.proc.pid == number)
                expect(ofContainer, in: setting.container)
            }
        }

        /// A caller of the host with that pid: others may start programs meanwhile, so it may need more than one try.
        private func caller(withPid pid: Int32, _ setting: Setting) async throws -> Caller {
            try await wait("the pid \(pid)") {
                try Data("\(pid - 1)".utf8).write(to: URL(filePath: "/proc/sys/kernel/ns_last_pid"))
                let caller = try await Caller(setting.caller, library: setting.library)
                if caller.pid == pid { return caller }
                caller.stop()
                _ = try await caller.program.waitForEnd()
                return nil
            }
        }

        @Test("a container in a container is the outer one's", .having("/usr/sbin/runc"))
        func nested() async throws {
            let outer = "sniscope-outer-\(UUID().uuidString.prefix(8).lowercased())"
            let setting = try await Setting(
                cgroupsPath: "/\(outer)/inner")
            do {
                let workspace = setting.workspace
                let bundle = try RuncBundle(
                    at: workspace.path + "/outer",
                    arguments: ["/usr/sbin/runc", "run", "--bundle", "/bundle", setting.container.id],
                    cgroupsPath: "/" + outer, shared: ["/sys/fs/cgroup"], isPrivileged: true)
                try await bundle.add("/usr/sbin/runc")
                try FileManager.default.moveItem(atPath: setting.container.bundle.path, toPath: bundle.root + "/bundle")
                let container = RuncContainer(id: outer, bundle: bundle)
                let tracer = try await Tracer()
                defer { tracer.stop() }
                do {
                    let inside = try await Caller(command: container.runCommand, library: setting.library)
                    defer { inside.stop() }
                    // Nobody knows the inner root folder before: the library is probed when it is mapped, which a first
                    // call may not wait for.
                    let name = uniqueName("nested")
                    let event = try await wait("an event of the inner container", tracer.program) {
                        try await inside.tell("name \(name)")
                        return try tracer.events(named: name).first
                    }
                    expect(event, in: container)
                    #expect(try cgroupFolder(of: event.proc.pid).own.hasSuffix("/\(outer)/inner"))
                } catch {
                    await container.delete()
                    throw error
                }
                await container.delete()
            } catch {
                await setting.remove()
                throw error
            }
            await setting.remove()
        }

        @Test("a container that ran before, chosen by name: the kernel leaves the host and others out")
        func chosen() async throws {
            let setting = try await Setting()
            do {
                let inside = try await Caller(command: setting.container.runCommand, library: setting.library)
                defer { inside.stop() }
                let tracer = try await Tracer("-r", "runc", "-c", setting.container.id)
                defer { tracer.stop() }
                let outside = try await Caller(setting.caller, library: setting.library)
                defer { outside.stop() }
                let unwanted = uniqueName("unwanted")
                try await outside.tell("name \(unwanted)")
                let event = try await ask(inside, tracer)
                expect(event, in: setting.container)
                #expect(event.runtime?.containerPid == event.proc.pid)
                #expect(try await tracer.finish().map(\.name) == [event.name])
            } catch {
                await setting.remove()
                throw error
            }
            await setting.remove()
        }
    }
}

/// The inode number of a process's mount namespace.
private func namespaceNumber(of pid: Int32) throws -> UInt32 {
    let link = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/mnt")
    return try #require(UInt32(link.drop { $0 != "[" }.dropFirst().dropLast()))
}
