import Foundation
import TestSupport
import Testing

@Suite("What the process that looks into files may do", .enabled(if: Tool.isInstalled("cc")))
struct ConfinementTests {
    /// The project's own code, in a program that tries what a hostile file that took it over would.
    private static let program = """
        #define _GNU_SOURCE
        #include "shims.h"
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <unistd.h>

        static void *give_back(void *argument) { return argument; }

        static char text[4096];

        static void tell(const char *what, int failed)
        {
            int error = errno;
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s: %s\\n", what,
                     failed ? strerrorname_np(error) : "permitted");
        }

        int main(void)
        {
            pthread_t thread;
            void *page;

            if (sniscope_confine_inspector(1 << 30))
                return 1;
            errno = pthread_create(&thread, NULL, give_back, NULL);
            if (errno == 0)
                errno = pthread_join(thread, NULL);
            tell("thread", errno != 0);
            page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            tell("memory", page == MAP_FAILED);
            tell("process", fork() < 0);
            tell("code", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
            tell("code of data", mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0);
            tell("file", open("/etc/passwd", O_RDONLY) < 0);
            tell("socket", socket(AF_INET, SOCK_STREAM, 0) < 0);
            tell("program", execl("/bin/true", "true", NULL) < 0);
            tell("signal to another", tgkill(getppid(), getppid(), 0) != 0);
            tell("signal to itself", tgkill(getpid(), gettid(), 0) != 0);
            tell("own priority", setpriority(PRIO_PROCESS, 0, 5) != 0);
            tell("priority of another", setpriority(PRIO_PROCESS, getpid(), 6) != 0);
            tell("priority of a user's", setpriority(PRIO_USER, 0, 6) != 0);
            write(1, text, strlen(text));
            return 0;
        }
        """

    @Test("threads, memory and answers; no processes, code, files, sockets, nor signals to others or their priority")
    func confined() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/CShims")
            .standardizedFileURL.path
        let output = try withFolder { folder in
            try Data(Self.program.utf8).write(to: URL(filePath: folder + "/main.c"))
            try Tool.run(
                "cc", "-pthread", "-I\(sources)/include", "-o", folder + "/main", folder + "/main.c",
                sources + "/inspector.c", sources + "/shims.c")
            return try Tool.run(folder + "/main")
        }
        #expect(
            output.split(separator: "\n") == [
                "thread: permitted", "memory: permitted", "process: EPERM", "code: EPERM", "code of data: EPERM",
                "file: EPERM", "socket: EPERM", "program: EPERM", "signal to another: EPERM",
                "signal to itself: permitted", "own priority: permitted", "priority of another: EPERM",
                "priority of a user's: EPERM",
            ])
    }
}
