import Foundation
import Testing

extension EndToEnd {
    @Suite("Users who make a lot of work", .asRoot, .having("cc", "setpriv", "strip"))
    struct Flood {
        private static let asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

        /// Maps files in memory that are holes, with a TB of strings and of code to be searched: some 50 ms of work for
        /// each; then files that it is told. Or makes one such file.
        private static let holes = """
            #define _GNU_SOURCE
            #include <elf.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            static int map(int file)
            {
                const unsigned long size = 1UL << 40;
                struct { Elf64_Ehdr head; Elf64_Phdr segments[2]; char text[64]; } start = {
                    .head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                        .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = 1, .e_ehsize = sizeof(Elf64_Ehdr),
                        .e_phoff = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2 },
                    .segments = { { .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = size, .p_memsz = size },
                        { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 4096, .p_vaddr = size,
                          .p_filesz = size - 4096, .p_memsz = size - 4096 } },
                    .text = "x/ssl/s3_lib.c",
                };
                if (pwrite(file, &start, sizeof(start), 0) != sizeof(start) || ftruncate(file, size) ||
                    mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED)
                    return 1;
                return close(file);
            }
            int main(int count, char **arguments)
            {
                if (!strcmp(arguments[1], "file"))
                    return map(open(arguments[2], O_RDWR | O_CREAT, 0755));
                for (int i = 0; i < atoi(arguments[1]); i++)
                    if (map(memfd_create("holes", 0)))
                        return 1;
                for (int i = 2; i < count; i++)
                    mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(arguments[i], O_RDONLY), 0);
                puts("mapped");
                fflush(stdout);
                pause();
            }
            """

        /// What threads of a process with a priority above the usual have computed; seconds.
        private func timeWithPriority(_ pid: Int32) throws -> Double {
            let folder = "/proc/\(pid)/task"
            let fields = try FileManager.default.contentsOfDirectory(atPath: folder).map { thread in
                // proc_pid_stat(5): the name may hold anything; utime, stime and nice are the 12th, 13th and 17th field
                // behind it.
                let stat = (try? String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8)) ?? ""
                return stat.drop { $0 != ")" }.split(separator: " ").map { Int($0) ?? 0 }
            }
            let ticks = fields.filter { $0.count > 17 && $0[17] < 0 }.map { $0[12] + $0[13] }.reduce(0, +)
            return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }

        @Test(
            "large files of a container's program are searched, but with priority for a moment only",
            .having("runc", "ldd", "/bin/busybox", "fallocate"))
        func largeFiles() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let programs = (0..<4).map { "/bin/large\($0)" }
            let bundle = try RuncBundle(
                at: workspace.path + "/bundle",
                arguments: ["/bin/sh", "-c", (programs + ["exec /bin/sleep 600"]).joined(separator: "; ")])
            let holes = try await workspace.compile(Self.holes, as: "holes")
            for program in programs {
                try await Program.check(holes, "file", bundle.root + program)
                // It may take 64 times as many bytes of reads: some seconds of a processor.
                try await Program.check("fallocate", "--keep-size", "--length", "64M", bundle.root + program)
            }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            try await tracer.complete()
            let inspector = try #require(try children(of: tracer.program.worker()).first)
            let container = RuncContainer(id: uniqueName("large"), bundle: bundle)
            try await container.start()
            do {
                try await wait("word of each file", seconds: 60, tracer.program) {
                    tracer.program.errors.all.filter { $0.contains("is left out") }.count == programs.count
                }
                // 0.3 s of each, and what other containers of the host take meanwhile; all of them take 30 s.
                let time = try timeWithPriority(inspector)
                #expect(time < 8)
            } catch {
                await container.delete()
                throw error
            }
            await container.delete()
        }

        /// Asks again and again: what it waits for is its file's turn to be searched.
        private static let client = """
            #include <openssl/ssl.h>
            #include <unistd.h>
            int main(int count, char **names)
            {
                SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
                for (;;) {
                    SSL_set_tlsext_host_name(ssl, names[1]);
                    usleep(10000);
                }
            }
            """

        @Test(
            "a program without symbols is traced soon, however many files another user has searched, that one, too",
            arguments: [false, true])
        func searches(isOneOfThem: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let holes = try await workspace.compile(Self.holes, as: "holes")
            let client = try await workspace.compile(Self.client, as: "client", "-static", "-s", "-lssl", "-lcrypto")
            let tracer = try await Tracer()
            defer { tracer.stop() }
            try await tracer.complete()
            let flood = try Program(Self.asNobody + [holes, "1000"] + (isOneOfThem ? [client] : []))
            defer { flood.stop() }
            try await wait("the mappings", flood) { flood.output.contains("mapped") }
            let name = uniqueName("beside-a-flood")
            let program = try Program([client, name])
            defer { program.stop() }
            // Those files take 25 seconds of two processors.
            try await wait("an event", seconds: 5, tracer.program) { try !tracer.events(named: name).isEmpty }
        }

        @Test("a user who maps library after library leaves descriptors to others, and is told of")
        func descriptors() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let copier = try await workspace.compile(
                """
                #define _GNU_SOURCE
                #include <fcntl.h>
                #include <stdio.h>
                #include <stdlib.h>
                #include <sys/mman.h>
                #include <sys/sendfile.h>
                #include <unistd.h>
                int main(int count, char **arguments)
                {
                    for (int i = 0; i < atoi(arguments[2]); i++) {
                        int file = open(arguments[1], O_RDONLY), copy = memfd_create("copy", 0);
                        while (sendfile(copy, file, NULL, 1 << 20) > 0)
                            ;
                        if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, copy, 0) == MAP_FAILED)
                            return 1;
                        close(file);
                        close(copy);
                    }
                    puts("mapped");
                    fflush(stdout);
                    pause();
                }
                """, as: "copier")
            let library = try await workspace.compile(
                """
                long SSL_ctrl(void *connection, int command, long number, void *name)
                {
                    return connection && command && number && name;
                }
                """, as: "libssl.so.3", "-shared", "-fPIC", "-Wl,-soname,libssl.so.3")
            let path = try await Caller.compile(in: workspace)
            let tracer = try await Tracer(
                command: ["sh", "-c", #"ulimit -n 512; exec "$@""#, "sh", Sniscope.path, "trace"])
            defer { tracer.stop() }
            try await tracer.complete()
            let user = try Program(Self.asNobody + [copier, library, "500"])
            defer { user.stop() }
            try await tracer.notice(containing: "user 65534: its probed files hold")

            let fresh = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libfresh.so")
            let caller = try await Caller(path, library: fresh)
            defer { caller.stop() }
            let name = uniqueName("beside-many")
            try await wait("an event", tracer.program) {
                try await caller.tell("name \(name)")
                return try !tracer.events(named: name).isEmpty
            }
            #expect(tracer.program.errors.all.count { $0.contains("file descriptors") } == 1)
            #expect(!tracer.program.errors.contains("Too many open files"))
        }
    }
}
