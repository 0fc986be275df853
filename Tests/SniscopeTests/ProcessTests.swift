import Foundation
import Testing

extension EndToEnd {
    @Suite("Processes: those that run, start, load late and end at once", .asRoot, .having("cc"))
    struct Processes {
        @Test("a program that maps the library before tracing starts, and one that loads it while it runs")
        func before() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await libraryPath("libssl.so.3")
            let loaded = try await Caller(path, library: library)
            defer { loaded.stop() }
            let late = try await Caller(path)
            defer { late.stop() }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let (first, second) = (uniqueName("before"), uniqueName("late"))
            try await loaded.tell("name \(first)")
            try late.program.say("load \(library)")
            try late.program.say("name \(second)")
            #expect(try await tracer.event(named: first).proc.pid == loaded.pid)
            #expect(try await tracer.onlyEvent(named: second).proc.pid == late.pid)
        }

        @Test("Python that imports ssl late", .having("/usr/bin/python3"))
        func pythonLate() async throws {
            let script = """
                import sys
                print("ready", flush=True)
                name = sys.stdin.readline().strip()
                import ssl
                ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
                """
            let program = try Program(["/usr/bin/python3", "-c", script], hasInput: true)
            defer { program.stop() }
            try await wait("Python", program) { program.output.contains("ready") }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let name = uniqueName("import")
            try program.say(name)
            #expect(try await tracer.onlyEvent(named: name).proc.pid == program.pid)
        }

        @Test("a process that ends with its call keeps its pid, name, program, parent and user")
        func shortLived() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await Caller.compile(in: workspace)
            let library = try await libraryPath("libssl.so.3")
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let names = (0..<20).map { _ in uniqueName("short") }
            for name in names {
                let script = #"printf 'load %s\nname %s\nexit\n' "$1" "$2" | setpriv --reuid=65534 --clear-groups "$3""#
                let shell = try await Program.run("sh", "-c", script + "; true", "sh", library, name, path)
                let event = try await tracer.event(named: name)
                #expect(event.proc.comm == "caller")
                #expect(event.proc.exe == path)
                #expect(event.proc.creds.uid == 65534)
                #expect(event.proc.parent.pid == shell.pid)
                #expect(event.proc.parent.comm == "sh")
                #expect(event.proc.pid > shell.pid)
            }
            let events = try await tracer.finish()
            #expect(events.filter { names.contains($0.name ?? "") }.count == names.count)
        }

        @Test("threads are told apart from their process", .having("/usr/bin/python3"))
        func threads() async throws {
            let name = uniqueName("thread")
            let script = """
                import ssl, sys, threading
                def ask():
                    open("/proc/thread-self/comm", "w").write("asker")
                    context = ssl.create_default_context()
                    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="\(name)")
                    print(threading.get_native_id())
                thread = threading.Thread(target=ask)
                thread.start()
                thread.join()
                """
            let tracer = try await Tracer("--comm", "asker,nobody")
            defer { tracer.stop() }
            let program = try await Program.run("/usr/bin/python3", "-c", script)
            let event = try await tracer.onlyEvent(named: name)
            #expect(event.proc.pid == program.pid)
            #expect("\(event.proc.tid)" == program.output.text)
            #expect(event.proc.comm == "asker")
        }

        @Test("what a process changes between two calls is told as it is at each", .having("/usr/bin/python3"))
        func changes() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let tool = try workspace.copy(URL(filePath: "/usr/bin/python3").resolvingSymlinksInPath().path, as: "tool")
            try await Program.check("chmod", "755", workspace.path)
            let name = uniqueName("changing")
            // What it says of itself at each call is what the kernel says of it.
            let script = """
                import ctypes, os, ssl, sys, time
                libc = ctypes.CDLL(None)
                context = ssl.create_default_context()
                network, own = os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/proc/self", os.O_RDONLY)
                def ask(step):
                    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=step + ".\(name)")
                    spaces = [os.stat("ns/" + space, dir_fd=own).st_ino for space in ("mnt", "net")]
                    comm = open("comm", opener=lambda path, flags: os.open(path, flags, dir_fd=own)).read().strip()
                    print(step, os.getuid(), os.getgid(), *spaces, comm, os.readlink("exe", dir_fd=own), flush=True)
                def check(status):
                    if status != 0: sys.exit("a change was refused")
                ask("first")
                check(libc.prctl(15, b"another"))
                ask("prctl")
                os.rename(sys.executable, sys.executable + "-renamed")
                time.sleep(1.1)
                ask("rename")
                os.chroot(os.path.dirname(sys.executable))
                ask("chroot")
                check(libc.unshare(0x40000000))
                ask("network")
                check(libc.unshare(0x00020000))
                ask("mounts")
                check(libc.setns(network, 0))
                ask("setns")
                os.setgid(4243)
                os.setuid(4242)
                ask("setuid")
                """
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let program = try await Program.run([tool, "-c", script], environment: ["PYTHONHOME": "/usr"])
            #expect(program.end == .exited(0), "\(program.account)")
            var shown: [String: String] = [:]
            for event in try await tracer.finish() {
                guard let called = event.name, called.hasSuffix(".\(name)") else { continue }
                let (proc, step) = (event.proc, String(called.dropLast(name.count + 1)))
                shown[step] =
                    "\(step) \(proc.creds.uid) \(proc.creds.gid) \(proc.mountNamespace) \(event.networkNamespace) "
                    + "\(proc.comm) \(proc.exe)"
            }
            let said = program.output.all
            #expect(
                said.count == 8 && Set(said.map { $0.drop { $0 != " " } }).count == 8, "each step changes something")
            #expect(said.map { shown[String($0.prefix { $0 != " " })] ?? "" } == said)
        }
    }
}
