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
