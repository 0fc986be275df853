import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "File systems and files that mean harm", .asRoot, .having("cc", "openssl"),
        .enabled("this host has no FUSE") { HungFileSystem.isAvailable })
    struct Safety {
        /// A process that maps files executable and touches none of their pages.
        private func mapper(of files: [String], in workspace: Workspace) async throws -> Program {
            let program = try await workspace.compile(
                """
                #include <fcntl.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                int main(int count, char **files)
                {
                    for (int i = 1; i < count; i++) {
                        int file = open(files[i], O_RDONLY);
                        if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED)
                            return 1;
                    }
                    puts("mapped");
                    fflush(stdout);
                    pause();
                }
                """, as: "mapper")
            let mapper = try Program([program] + files)
            try await wait("the mappings", mapper) { mapper.output.contains("mapped") }
            return mapper
        }

        @Test(
            "libraries on a FUSE file system that hangs: events go on, other libraries are probed, the end comes at once",
            arguments: [false, true])
        func hungFiles(isThereBefore: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let hung = try await HungFileSystem(in: workspace)
            defer { hung.stop() }
            // More than there can be threads.
            let files = (0..<40).map { "\(hung.path)/lib\($0).so" }
            var mapper = isThereBefore ? try await mapper(of: files, in: workspace) : nil
            defer { mapper?.stop() }
            let library = try await libraryPath("libssl.so.3")
            let path = try await Caller.compile(in: workspace)
            let caller = try await Caller(path, library: library)
            defer { caller.stop() }
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            if mapper == nil { mapper = try await self.mapper(of: files, in: workspace) }

            let began = ContinuousClock.now
            for _ in 0..<10 {
                let name = uniqueName("beside")
                try await caller.tell("name \(name)")
                try await tracer.event(named: name)
            }
            #expect(ContinuousClock.now - began < .seconds(2))
            let fresh = try workspace.copy(library, as: "libfresh.so")
            let late = try await Caller(path, library: fresh)
            defer { late.stop() }
            try await tracer.notice(containing: "probed \(fresh)")
            try await tracer.notice(containing: "not inspected: cannot read \(hung.path)/lib")
            let name = uniqueName("fresh")
            try await late.tell("name \(name)")
            try await tracer.event(named: name)

            let asked = ContinuousClock.now
            tracer.program.signal(SIGINT)
            #expect(try await tracer.program.waitForEnd(seconds: 10) == .exited(0))
            #expect(ContinuousClock.now - asked < .seconds(3))
        }

        @Test("list says what it could not look into, and ends")
        func list() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let hung = try await HungFileSystem(in: workspace)
            defer { hung.stop() }
            let mapper = try await mapper(of: (0..<4).map { "\(hung.path)/lib\($0).so" }, in: workspace)
            defer { mapper.stop() }
            let caller = try await Caller(
                try await Caller.compile(in: workspace), library: try await libraryPath("libssl.so.3"))
            defer { caller.stop() }
            let list = try await Sniscope.run("list", "-o", "json", seconds: 15)
            #expect(list.end == .exited(0))
            #expect(try FileEntry.all(list.output).contains { $0.processes?.contains { $0.pid == caller.pid } == true })
            #expect(list.errors.all.filter { $0.contains("does not answer") }.count == 1, "\(list.account)")
        }

        @Test("a named file that can't be read: an error, soon", arguments: [["inspect"], ["trace", "--binary"]])
        func named(command: [String]) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let hung = try await HungFileSystem(in: workspace, .lookup)
            defer { hung.stop() }
            let program = try await Program.run([Sniscope.path] + command + [hung.path + "/lib.so"], seconds: 40)
            #expect(program.end == .exited(1), "\(program.account)")
            #expect(program.errors.contains("does not answer"), "\(program.account)")
        }

        @Test("killed at once, while threads wait for a file system that hangs, nothing of it stays for long")
        func killed() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let hung = try await HungFileSystem(in: workspace)
            defer { hung.stop() }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let mapper = try await mapper(of: ["\(hung.path)/lib.so"], in: workspace)
            defer { mapper.stop() }
            let worker = try tracer.program.worker()
            let helpers = try [worker] + children(of: worker)
            #expect(helpers.count == 2)
            tracer.program.signal(SIGKILL)
            // Its output stays open for as long as the file system holds a thread.
            try await wait("the end", tracer.program) { tracer.program.end == .signaled(SIGKILL) }
            hung.stop()
            try await wait("the end of its helpers") { helpers.allSatisfy { kill($0, 0) != 0 } }
        }

        @Test("a huge sparse file that looks like a library", .having("readelf"), arguments: ["whole", "segments"])
        func sparse(kind: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libhuge.so")
            let file = try FileHandle(forUpdating: URL(filePath: library))
            if kind == "segments" {
                // Every segment is a TB long: p_filesz, at byte 32 of each program header of 56 (gABI).
                let head = try #require(try file.read(upToCount: 64))
                for index in 0..<Int(head[56]) {
                    try file.seek(toOffset: UInt64(head[32]) + UInt64(index) * 56 + 32)
                    try file.write(contentsOf: Data([0, 0, 0, 0, 0, 1, 0, 0]))
                }
            }
            try file.truncate(atOffset: 1 << 40)
            try file.close()
            // 2 GB of addresses: a buffer as large as the file does not fit.
            let report = try await Program.run(
                "sh", "-c", #"ulimit -v 2000000; exec "$@""#, "sh", Sniscope.path, "inspect", "-o", "json", library,
                seconds: 30)
            #expect(report.end == .exited(0) || report.end == .exited(1), "\(report.account)")
            #expect(!report.errors.contains("Fatal error"), "\(report.account)")
            if kind == "whole" { #expect(try FileEntry.all(report.output).first?.libraries.first?.kind == "OpenSSL") }
        }
    }
}
