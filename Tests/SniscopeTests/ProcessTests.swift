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
    }
}
