import Foundation
import Testing

extension EndToEnd {
    @Suite("Users who mislead", .asRoot, .having("cc", "openssl", "setpriv", "unshare"))
    struct HostileUser {
        private static let asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

        @Test("another file mapped at the same address is not taken for the library that was there")
        func remapped() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let remap = try await workspace.compile(
                """
                #include <fcntl.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <sys/stat.h>
                #include <unistd.h>
                int main(int count, char **files)
                {
                    int library = open(files[1], O_RDONLY), other = open(files[2], O_RDONLY);
                    struct stat status;
                    void *place;

                    fstat(other, &status);
                    place = mmap(0, status.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, library, 0);
                    if (mmap(place, status.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, other, 0) != place)
                        return 1;
                    puts("mapped");
                    fflush(stdout);
                    pause();
                }
                """, as: "remap")
            let library = try await libraryPath("libssl.so.3")
            let path = try await Caller.compile(in: workspace)
            let tracer = try await Tracer()
            defer { tracer.stop() }
            for number in 1...5 {
                let fresh = try workspace.copy(library, as: "libfresh\(number).so")
                let remap = try Program(Self.asNobody + [remap, fresh, remap])
                defer { remap.stop() }
                try await wait("the mappings", remap) { remap.output.contains("mapped") }
                let caller = try await Caller(path, library: fresh)
                defer { caller.stop() }
                let name = uniqueName("remapped")
                // The first call can come before the probe: that is counted.
                try await wait("an event", tracer.program) {
                    try await caller.tell("name \(name)")
                    return try !tracer.events(named: name).isEmpty
                }
            }
        }

        @Test("files of holes that claim terabytes of code are left out, told, and hold up nothing")
        func holes() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            // An ELF file with a TB of strings and a TB of code, mapped once from memory and once from the disk.
            let sparse = try await workspace.compile(
                """
                #define _GNU_SOURCE
                #include <elf.h>
                #include <fcntl.h>
                #include <stdio.h>
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
                    if (pwrite(file, &start, sizeof(start), 0) != sizeof(start) || ftruncate(file, size))
                        return -1;
                    return mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED;
                }
                int main(int count, char **arguments)
                {
                    for (int i = 0; i < 7; i++)
                        if (map(memfd_create("holes", 0)))
                            return 1;
                    if (map(open(arguments[1], O_RDWR | O_CREAT, 0755)))
                        return 1;
                    puts("mapped");
                    fflush(stdout);
                    pause();
                }
                """, as: "sparse")
            let tracer = try await Tracer()
            defer { tracer.stop() }
            let holes = try Program([sparse, workspace.path + "/libholes.so"])
            defer { holes.stop() }
            try await wait("the mappings", holes) { holes.output.contains("mapped") }
            try await wait("word of each file", tracer.program) {
                tracer.program.errors.all.filter { $0.contains("is left out") }.count == 8
            }
            let fresh = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libfresh.so")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: fresh)
            defer { caller.stop() }
            // On the same file system.
            let list = try await Sniscope.run("list", "-o", "json")
            #expect(try FileEntry.all(list.output).contains { $0.path == fresh }, "\(list.account)")
            #expect(list.errors.all.filter { $0.contains("is left out") }.count == 8, "\(list.account)")
        }

        @Test(
            "a debug file in a user's own mount namespace names no function of anybody's program",
            arguments: [true, false])
        func foreignDebugFile(isUsersNamespace: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let program = try await workspace.compile(
                """
                #include <stdio.h>
                #include <unistd.h>
                __attribute__((noinline)) static int mbedtls_ssl_set_hostname(void *ssl, const char *name)
                {
                    return printf("%s %p\\n", name, ssl);
                }
                int main(void)
                {
                    mbedtls_ssl_set_hostname(0, "ready");
                    fflush(stdout);
                    pause();
                }
                """, as: "program", "-g", "-Wl,--build-id")
            try await Program.check("objcopy", "--only-keep-debug", program, program + ".debug")
            try await Program.check("strip", program)
            let notes = try await Program.check("readelf", "-n", program)
            let buildID = try #require(
                notes.split(separator: "\n").first { $0.contains("Build ID:") }?.split(separator: " ").last)
            try FileManager.default.createDirectory(atPath: "/usr/lib/debug", withIntermediateDirectories: true)
            let folder = "/usr/lib/debug/.build-id/\(buildID.prefix(2))"
            let prepared = """
                mount -t tmpfs none /usr/lib/debug && mkdir -p \(folder) \
                && cp \(program).debug \(folder)/\(buildID.dropFirst(2)).debug && exec \(program)
                """
            let unshare = isUsersNamespace ? Self.asNobody + ["unshare", "-Urm"] : ["unshare", "-m"]
            let running = try Program(unshare + ["sh", "-ec", prepared])
            defer { running.stop() }
            try await wait("the program", running) { running.output.contains("ready") }

            let tracer = try await Tracer("--pid", "\(running.pid)", "-v")
            defer { tracer.stop() }
            try await tracer.complete()
            #expect(!tracer.program.errors.contains("probed \(program)"))
            let list = try await Sniscope.run("list", "--pid", "\(running.pid)", "-o", "json")
            #expect(!list.output.text.contains(program))
        }
    }
}
