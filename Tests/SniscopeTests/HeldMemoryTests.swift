import Foundation
import Testing

extension EndToEnd {
    /// A page fault that does not end holds its process's memory. Whoever attaches a probe to a file that the process maps
    /// would wait for it in the kernel, and everybody who forks would wait for him.
    @Suite(
        "Processes that hold the kernel up", .serialized, .asRoot, .having("cc", "openssl"),
        .enabled("this host has no FUSE") { HungFileSystem.isAvailable })
    struct HeldMemory {
        /// A process that maps libraries, and has a page fault in `page` that does not end.
        /// - Parameters:
        ///   - isWanted: Whether another thread of it waits to map something: nobody is told its mappings then.
        ///   - isExecuted: Whether it maps the libraries for execution.
        private func holder(
            of libraries: [String], page: String, isWanted: Bool = false, isExecuted: Bool = true,
            _ workspace: Workspace
        ) async throws -> Program {
            let program = try await workspace.compile(
                """
                #include <fcntl.h>
                #include <pthread.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                static volatile char *page;
                static volatile int wanted;
                static void *touch(void *unused) { return (void *)(long)*page; }
                static void *map(void *unused)
                {
                    while (!wanted)
                        usleep(1000);
                    return mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                }
                static void *file(const char *path, size_t size, int protection)
                {
                    return mmap(0, size, protection, MAP_PRIVATE, open(path, O_RDONLY), 0);
                }
                int main(int count, char **arguments)
                {
                    pthread_t threads[2];
                    page = file(arguments[1], 4096, PROT_READ);
                    int execution = arguments[2][1] == 'x' ? PROT_EXEC : 0;
                    for (int i = 3; i < count; i++)
                        if (file(arguments[i], 1 << 20, PROT_READ | execution) == MAP_FAILED)
                            return 1;
                    if (page == MAP_FAILED || pthread_create(&threads[1], 0, map, 0)
                        || pthread_create(&threads[0], 0, touch, 0))
                        return 1;
                    usleep(100000);
                    if (write(1, "held\\n", 5) < 0)
                        return 1;
                    wanted = arguments[2][0] == 'w';
                    pthread_join(threads[0], 0);
                }
                """, as: "holder", "-pthread")
            let holder = try Program([program, page, (isWanted ? "w" : "h") + (isExecuted ? "x" : "r")] + libraries)
            try await wait("the page fault", holder) { holder.output.contains("held") }
            // "D": it waits, and can't be killed.
            try await wait("the mapping", holder) {
                try !isWanted || threadStates(of: holder.pid).contains("D")
            }
            return holder
        }

        /// As proc_pid_stat(5) says.
        private func threadStates(of pid: Int32) throws -> [String] {
            let tasks = "/proc/\(pid)/task"
            return try FileManager.default.contentsOfDirectory(atPath: tasks).compactMap { task in
                let stat = try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
                return stat.split(separator: " ").dropFirst(2).first.map(String.init)
            }
        }

        @Test(
            "no fork waits, its files are named, others of the disk are traced, and its own once it goes on",
            arguments: [false, true])
        func held(isWanted: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let hung = try await HungFileSystem(in: workspace, .secondRead)
            defer { hung.stop() }
            let libssl = try await libraryPath("libssl.so.3")
            let library = try workspace.copy(libssl, as: "libheld.so")
            let fresh = try workspace.copy(libssl, as: "libfresh.so")
            let path = try await Caller.compile(in: workspace)
            let caller = try await Caller(path, library: library)
            defer { caller.stop() }
            let holder = try await holder(of: [library], page: hung.path + "/page", isWanted: isWanted, workspace)
            defer { holder.stop() }

            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            try await tracer.notice(containing: "not traced: \(library): process \(holder.pid) waits for a file")
            // Each of these forks.
            let other = try await Caller(path, library: fresh)
            defer { other.stop() }
            let name = uniqueName("fresh")
            try await wait("an event named \(name)", tracer.program) {
                try await other.tell("name \(name)")
                return try !tracer.events(named: name).isEmpty
            }
            let list = try await Sniscope.run("list", "-o", "json", seconds: 15)
            #expect(list.end == .exited(0), "\(list.account)")
            #expect(list.output.contains("process \(holder.pid) waits for a file"), "\(list.account)")
            let named = try await Sniscope.run("trace", "--binary", library)
            #expect(named.end == .exited(1))
            #expect(named.errors.contains("process \(holder.pid) waits for a file"), "\(named.account)")
            // Nothing of this has waited until the page fault ended.
            #expect(hung.isRunning)

            hung.stop()
            let late = uniqueName("late")
            try await wait("an event named \(late)", tracer.program) {
                try await caller.tell("name \(late)")
                return try !tracer.events(named: late).isEmpty
            }
        }

        @Test(
            "one that maps a file without executing it is not found before: the user is told whom the kernel waits for")
        func reader() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let hung = try await HungFileSystem(in: workspace, .secondRead)
            defer { hung.stop() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libheld.so")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let holder = try await holder(of: [library], page: hung.path + "/page", isExecuted: false, workspace)
            defer { holder.stop() }
            let program = try Program([Sniscope.path, "trace"])
            defer { program.stop() }
            // Nothing can be started meanwhile, so nothing is.
            try await wait("the notice", program) {
                program.errors.contains(
                    "still attaches a probe to \(library), and no process of this host can be started meanwhile: "
                        + "process \(holder.pid)")
            }
            #expect(hung.isRunning)
            hung.stop()
            let name = uniqueName("late")
            try await wait("an event named \(name)", program) {
                try await caller.tell("name \(name)")
                return program.output.contains(name)
            }
        }
    }
}
