import Foundation
import Testing

/// A small C program that loads a TLS library by its path and does what it is told, a line at a time.
///
/// The commands: `load PATH`, `name TEXT`, `hex BYTES`, `clear`, `length BYTES TEXT` (GnuTLS, no NUL behind the text),
/// `crossing TEXT` (the text lies across two pages that nobody touched yet), `withheld TEXT` (the text lies on a page that
/// nobody serves before the line `serve` comes; says `held` first), `burst COUNT TEXT`, `fork TEXT` and `thread TEXT` (a child that has not called exec, another thread), `as NAME TEXT` (a thread of that name),
/// `sleeper` (a child that sleeps; its pid comes as `child PID`), `value FUNCTION` (calls another function of the library,
/// `long f(void)`; its result comes as `value NUMBER`), `exec PATH` (of a copy of this program) and `exit`.
/// Each is answered by `done COMMAND`.
final class Caller: Sendable {
    let program: Program

    /// - Parameter library: Loaded at once; nil: none yet.
    convenience init(_ path: String, library: String? = nil) async throws {
        try await self.init(command: [path], library: library)
    }

    /// - Parameter command: What starts it, with this process's ends of its input and output: in a container, say.
    init(command: [String], library: String? = nil) async throws {
        program = try Program(command, hasInput: true)
        do {
            if let library { try await tell("load \(library)") }
        } catch {
            program.stop()
            throw error
        }
    }

    /// Its own, or that of the command that started it.
    var pid: Int32 { program.pid }

    func stop() {
        program.stop()
    }

    /// Gives a command and waits for its end.
    func tell(_ command: String) async throws {
        let before = program.output.all.count
        try program.say(command)
        try await wait("the end of '\(command)'", seconds: 60, program) {
            if let end = program.end { throw Problem("the caller ended: \(end)\n\(program.account)") }
            return program.output.all.count > before
        }
    }

    static func compile(in workspace: Workspace, _ options: String...) async throws -> String {
        try await workspace.compile(source, as: "caller")
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <linux/userfaultfd.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/ioctl.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static void *library, *connection;
        static long (*control)(void *, int, long, void *);
        static int (*set_name)(void *, int, const void *, size_t);

        static void fail(const char *what)
        {
            fprintf(stderr, "%s: %s\n", what, dlerror());
            exit(3);
        }

        static void load(const char *path)
        {
            library = dlopen(path, RTLD_NOW);
            if (!library)
                fail(path);
            control = dlsym(library, "sniscope_test_ctrl");
            if (control) {
                connection = library;
                return;
            }
            control = dlsym(library, "SSL_ctrl");
            set_name = dlsym(library, "gnutls_server_name_set");
            if (control) {
                void *(*method)(void) = dlsym(library, "TLS_method");
                void *(*context)(void *) = dlsym(library, "SSL_CTX_new");
                void *(*new_connection)(void *) = dlsym(library, "SSL_new");

                connection = new_connection(context(method()));
            } else {
                int (*init)(void **, unsigned) = dlsym(library, "gnutls_init");

                init(&connection, 2);
            }
        }

        static void ask(const char *name)
        {
            if (control)
                control(connection, 55, 0, (void *)name);
            else
                set_name(connection, 1, name, strlen(name));
        }

        static char *unhex(const char *text)
        {
            char *result = calloc(strlen(text) / 2 + 1, 1);

            for (size_t i = 0; text[2 * i]; i++)
                sscanf(text + 2 * i, "%2hhx", &result[i]);
            return result;
        }

        /* Fresh pages of a file: nothing is mapped at their addresses until they are touched. */
        static void crossing(const char *name)
        {
            char path[] = "/tmp/sniscope-crossing-XXXXXX";
            int file = mkstemp(path);
            char *pages;

            unlink(path);
            if (ftruncate(file, 8192) || pwrite(file, name, strlen(name), 4096 - 4) < 0)
                fail("pages");
            pages = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, file, 0);
            madvise(pages, 8192, MADV_RANDOM);
            ask(pages + 4096 - 4);
        }

        struct withheld {
            int fault;
            char *page;
            char *text;
        };

        static void *serve(void *argument)
        {
            struct withheld *withheld = argument;
            char line[16];
            struct uffdio_copy copy = {
                .dst = (unsigned long)withheld->page, .src = (unsigned long)withheld->text, .len = 4096
            };

            if (fgets(line, sizeof(line), stdin) && ioctl(withheld->fault, UFFDIO_COPY, &copy)) {
                perror("UFFDIO_COPY");
                exit(4);
            }
            return NULL;
        }

        static void withhold(const char *name)
        {
            static char text[4096] __attribute__((aligned(4096)));
            struct uffdio_api api = { .api = UFFD_API };
            struct withheld withheld = {
                .fault = syscall(SYS_userfaultfd, O_CLOEXEC),
                .page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                .text = text,
            };
            struct uffdio_register range = {
                .range = { (unsigned long)withheld.page, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING
            };
            pthread_t server;

            if (withheld.fault < 0 || ioctl(withheld.fault, UFFDIO_API, &api) ||
                ioctl(withheld.fault, UFFDIO_REGISTER, &range)) {
                perror("userfaultfd");
                exit(4);
            }
            strcpy(text, name);
            puts("held");
            fflush(stdout);
            pthread_create(&server, NULL, serve, &withheld);
            ask(withheld.page);
            pthread_join(server, NULL);
        }

        /* A child that maps what this process maps, and does nothing. */
        static void fork_sleeper(void)
        {
            pid_t child = fork();

            if (!child)
                for (;;)
                    pause();
            printf("child %d\n", child);
        }

        static void *ask_in_thread(void *name)
        {
            ask(name);
            return NULL;
        }

        static void thread(char *name)
        {
            pthread_t other;

            if (pthread_create(&other, NULL, ask_in_thread, name) || pthread_join(other, NULL))
                fail("thread");
        }

        struct named {
            char name[16];
            char text[2048];
        };

        static void *ask_by_name(void *argument)
        {
            struct named *named = argument;

            prctl(PR_SET_NAME, named->name);
            ask(named->text);
            return NULL;
        }

        static void forked(const char *name)
        {
            pid_t child = fork();

            if (child == 0) {
                ask(name);
                _exit(0);
            }
            if (child < 0 || waitpid(child, NULL, 0) != child)
                fail("fork");
        }

        static void show_value(const char *function)
        {
            long (*value)(void) = dlsym(library, function);

            if (!value)
                fail(function);
            printf("value %ld\n", value());
        }

        int main(void)
        {
            char line[4096], text[4096];
            struct named named;
            int number;

            while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = 0;
                if (sscanf(line, "load %s", text) == 1)
                    load(text);
                else if (sscanf(line, "name %s", text) == 1)
                    ask(text);
                else if (sscanf(line, "fork %s", text) == 1)
                    forked(text);
                else if (sscanf(line, "thread %s", text) == 1)
                    thread(text);
                else if (sscanf(line, "as %15s %2047s", named.name, named.text) == 2) {
                    pthread_t other;

                    if (pthread_create(&other, NULL, ask_by_name, &named) || pthread_join(other, NULL))
                        fail("thread");
                } else if (sscanf(line, "hex %s", text) == 1)
                    ask(unhex(text));
                else if (sscanf(line, "length %d %s", &number, text) == 2)
                    set_name(connection, 1, text, number);
                else if (sscanf(line, "crossing %s", text) == 1)
                    crossing(text);
                else if (sscanf(line, "burst %d %s", &number, text) == 2)
                    while (number-- > 0)
                        ask(text);
                else if (!strcmp(line, "clear"))
                    control(connection, 55, 0, NULL);
                else if (sscanf(line, "withheld %s", text) == 1)
                    withhold(text);
                else if (sscanf(line, "value %s", text) == 1)
                    show_value(text);
                else if (!strcmp(line, "sleeper"))
                    fork_sleeper();
                else if (sscanf(line, "exec %s", text) == 1) {
                    /* The program that comes says nothing of this command. */
                    printf("done %s\n", line);
                    fflush(stdout);
                    execl(text, text, NULL);
                    fail(text);
                } else if (!strcmp(line, "exit"))
                    _exit(0);
                printf("done %s\n", line);
                fflush(stdout);
            }
            return 0;
        }
        """#
}
