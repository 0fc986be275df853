import Foundation
import Testing

/// A FUSE file system whose server takes requests and never answers: what waits for it can't even be killed.
///
/// Any name in it is a file that can be opened once and mapped. Reads and further openings hang.
final class HungFileSystem: Sendable {
    let path: String
    private let server: Program

    static let isAvailable = FileManager.default.fileExists(atPath: "/dev/fuse")

    /// What else hangs, or does not.
    enum Kind: String {
        case usual
        /// Looking for a file.
        case lookup
        /// The first read of each two fails: a page fault tries again, and holds the process's memory then. Whoever waits
        /// for that is let go after 30 s.
        case secondRead
    }

    init(in workspace: Workspace, at path: String? = nil, _ kind: Kind = .usual) async throws {
        let program = try await workspace.compile(Self.source, as: "hung")
        let path = path ?? workspace.path + "/hung-files"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.path = path
        server = try Program([program, path, kind.rawValue])
        try await wait("the FUSE file system", server) {
            if let end = server.end { throw Problem("it ended: \(end)\n\(server.account)") }
            return server.output.contains("mounted")
        }
    }

    var isRunning: Bool { server.end == nil }

    /// Lets go of whoever waits.
    func stop() {
        server.stop()
        umount2(path, Int32(MNT_DETACH))
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/fuse.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mount.h>
        #include <sys/stat.h>
        #include <unistd.h>

        static int device;

        static void answer(unsigned long long unique, int error, const void *data, size_t size)
        {
            char buffer[4096];
            struct fuse_out_header *header = (void *)buffer;

            header->len = sizeof(*header) + size;
            header->error = error;
            header->unique = unique;
            if (size)
                memcpy(buffer + sizeof(*header), data, size);
            if (write(device, buffer, header->len) < 0)
                perror("answer");
        }

        static struct fuse_attr attributes(unsigned long long node)
        {
            struct fuse_attr a = { .ino = node, .nlink = 1, .blksize = 4096 };

            a.mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0755;
            a.size = node == 1 ? 0 : 1 << 20;
            return a;
        }

        int main(int count, char **arguments)
        {
            int hangs_at_lookup = !strcmp(arguments[2], "lookup");
            int fails_first = !strcmp(arguments[2], "secondRead");
            unsigned reads = 0;
            char options[128];
            static char buffer[1 << 20];
            unsigned long long next = 2, opened = 0;

            device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
            snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
            if (device < 0 || mount("hung", arguments[1], "fuse", MS_NOSUID | MS_NODEV, options)) {
                perror("fuse");
                return 1;
            }
            if (fails_first)
                alarm(30);
            for (;;) {
                struct fuse_in_header *header = (void *)buffer;

                if (read(device, buffer, sizeof(buffer)) < 0) {
                    if (errno == EINTR || errno == ENOENT)
                        continue;
                    return 0;
                }
                switch (header->opcode) {
                case FUSE_INIT: {
                    struct fuse_init_out out = { .major = 7, .minor = 31, .max_write = 65536 };

                    answer(header->unique, 0, &out, sizeof(out));
                    puts("mounted");
                    fflush(stdout);
                    break;
                }
                case FUSE_LOOKUP: {
                    struct fuse_entry_out out = { .nodeid = next, .entry_valid = 3600, .attr_valid = 3600 };

                    if (hangs_at_lookup)
                        break;
                    out.attr = attributes(next++);
                    answer(header->unique, 0, &out, sizeof(out));
                    break;
                }
                case FUSE_GETATTR: {
                    struct fuse_attr_out out = { .attr_valid = 3600, .attr = attributes(header->nodeid) };

                    answer(header->unique, 0, &out, sizeof(out));
                    break;
                }
                case FUSE_OPEN: {
                    struct fuse_open_out out = { .fh = header->nodeid };

                    if (header->nodeid <= opened)
                        break;
                    opened = header->nodeid;
                    answer(header->unique, 0, &out, sizeof(out));
                    break;
                }
                case FUSE_READ:
                    if (fails_first && reads++ % 2 == 0)
                        answer(header->unique, -EIO, NULL, 0);
                    break;
                case FUSE_OPENDIR:
                case FUSE_ACCESS:
                case FUSE_FLUSH:
                case FUSE_STATFS:
                case FUSE_GETXATTR:
                    answer(header->unique, -ENOSYS, NULL, 0);
                    break;
                }
            }
        }
        """#
}
