import Foundation
import Testing

extension EndToEnd {
    @Suite("Bad input: a clear message and a defined exit status, soon")
    struct Errors {
        /// What `--binary` and `inspect` may be pointed at.
        enum BadFile: String, CaseIterable {
            case missing, directory, fifo, text, truncated

            func make(in workspace: Workspace) async throws -> String {
                let path = workspace.path + "/" + rawValue
                switch self {
                case .missing: break
                case .directory: try await Program.check("mkdir", path)
                case .fifo: try await Program.check("mkfifo", path)
                case .text: try workspace.write("#!/bin/sh\n", to: rawValue)
                case .truncated:
                    let library = try await libraryPath("libssl.so.3")
                    let start = try Data(contentsOf: URL(filePath: library)).prefix(3000)
                    try start.write(to: URL(filePath: path))
                }
                return path
            }

            /// What the message says, among other things.
            var words: String {
                switch self {
                case .missing: "No such file"
                case .directory: "directory"
                case .fifo: "FIFO"
                case .text: "ELF"
                case .truncated: ""
                }
            }
        }

        @Test("trace --binary", .asRoot, arguments: BadFile.allCases)
        func traceBinary(_ file: BadFile) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await file.make(in: workspace)
            expect(try await Sniscope.run("trace", "--binary", path, seconds: 5), 1, path, file.words)
        }

        @Test("inspect", arguments: BadFile.allCases)
        func inspect(_ file: BadFile) async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let path = try await file.make(in: workspace)
            expect(try await Sniscope.run("inspect", path, seconds: 5), 1, path, file.words)
        }

        @Test("a program without TLS can't be traced alone; inspect says so and is done", .asRoot)
        func withoutTLS() async throws {
            expect(
                try await Sniscope.run("trace", "--binary", "/bin/true", seconds: 5), 1, "/bin/true", "no TLS function")
            let report = try await Sniscope.run("inspect", "/bin/true")
            #expect(report.end == .exited(0))
            #expect(report.output.contains("no TLS library"))
        }

        @Test("a process that is gone", .asRoot, arguments: ["trace", "list"])
        func deadProcess(command: String) async throws {
            let gone = try await Program.run("true")
            expect(try await Sniscope.run(command, "--pid", "\(gone.pid)", seconds: 5), 1, "\(gone.pid)")
        }

        @Test(
            "usage",
            arguments: [
                (["tarce"], "tarce"), (["trace", "--colour"], "--colour"), (["trace", "extra"], "extra"),
                (["trace", "-o", "xml"], "xml"), (["trace", "--fields", "nmae"], "nmae"),
                (["list", "--fields", "nmae"], "nmae"), (["trace", "-F", "nmae==x"], "nmae"),
                (["trace", "-F", "name"], "name"), (["trace", "-F", "name~("], "("), (["trace", "-r", "lxd"], "lxd"),
                (["trace", "-t", "soon"], "soon"), (["trace", "-t", "0"], "timeout"), (["trace", "--count", "0"], "0"),
                (["trace", "--pid", "abc"], "abc"), (["trace", "--uid", "root"], "root"),
                (["trace", "--name", "a,,b"], "a,,b"), (["trace", "--scope", "pod"], "pod"),
                (["trace", "--attach", "kprobe"], "kprobe"), (["run"], "command"), (["inspect"], "file"),
                (["run", "--user", "nobody-of-that-name", "--", "true"], "nobody-of-that-name"),
            ])
        func usage(arguments: [String], word: String) async throws {
            let program = try await Program.run([Sniscope.path] + arguments, seconds: 10)
            expect(program, 64, word)
            #expect(program.output.all.isEmpty)
        }

        @Test("without privileges", .asRoot, .having("setpriv"), arguments: ["trace", "run"])
        func notPermitted(command: String) async throws {
            let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Sniscope.path]
            let program = try await Program.run(nobody + (command == "run" ? ["run", "--", "true"] : [command]))
            expect(program, 77, "CAP_BPF", "sudo")
            let doctor = try await Program.run(nobody + ["doctor"])
            #expect(doctor.end == .exited(1))
            #expect(doctor.output.contains("CAP_BPF"))
        }

        @Test("a kernel without BTF", .asRoot, .having("unshare"))
        func withoutBTF() async throws {
            let hidden = "mount -t tmpfs none /sys/kernel/btf"
            expect(try await Sniscope.run(after: hidden, "trace"), 69, "BTF", "CONFIG_DEBUG_INFO_BTF")
            let doctor = try await Sniscope.run(after: hidden, "doctor")
            #expect(doctor.end == .exited(1))
            #expect(doctor.output.contains("BTF"))
            #expect(try await Sniscope.run("doctor").end == .exited(0))
        }

        @Test("a reader that goes away ends the trace at once, in order", .asRoot, .having("bash"))
        func closedOutput() async throws {
            // Nobody asks for a name meanwhile.
            let script = #""$@" | head -1 >&2; exit "${PIPESTATUS[0]}""#
            let program = try await Program.run(
                "bash", "-c", script, "bash", Sniscope.path, "trace", "--comm", "no-one")
            #expect(program.end == .exited(0), "\(program.account)")
            #expect(program.errors.contains("RUNTIME.CONTAINERNAME"))
        }

        @Test("a full disk", .asRoot, .having("unshare"))
        func fullDisk() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let folder = workspace.path
            let full = "mount -t tmpfs -o size=4k none \(folder); head -c 4096 /dev/zero >\(folder)/filler"
            let program = try await Sniscope.run(after: full, "trace", "--output-file", folder + "/names")
            expect(program, 1, folder + "/names", "No space left")
        }

        @Test("an output file that can't be made", .asRoot)
        func outputFile() async throws {
            expect(
                try await Sniscope.run("trace", "--output-file", "/nowhere/names"), 1, "/nowhere/names", "No such file")
        }

        @Test("no output file: a link, a device, a FIFO, a folder, another user's file", .asRoot)
        func refusedOutput() async throws {
            let workspace = try Workspace()
            defer { workspace.remove() }
            let folder = workspace.path
            let target = try workspace.write("kept", to: "target")
            let foreign = try workspace.write("kept", to: "foreign")
            #expect(chown(foreign, 65534, 65534) == 0)
            #expect(symlink(target, folder + "/link") == 0)
            #expect(symlink(folder + "/made", folder + "/dangling") == 0)
            #expect(mkfifo(folder + "/fifo", 0o600) == 0)
            let (first, second) = (try workspace.write("kept", to: "first"), folder + "/second")
            #expect(link(first, second) == 0)
            for (file, reason) in [
                (folder + "/link", "a symbolic link"), (folder + "/dangling", "a symbolic link"),
                (folder + "/fifo", "a FIFO"), ("/dev/full", "a device"), (folder, "a directory"),
                (folder + "/", "a directory"), (foreign, "user 65534"), (second, "2 names"),
            ] {
                expect(try await Sniscope.run("trace", "--output-file", file, "-t", "1"), 1, file, reason)
            }
            for file in [target, foreign, first] {
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "kept")
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/made"))
        }

        private func expect(
            _ program: Program, _ status: Int32, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let comment: Comment = "\(program.account)"
            #expect(program.end == .exited(status), comment, sourceLocation: sourceLocation)
            for word in words where !word.isEmpty {
                #expect(program.errors.text.contains(word), comment, sourceLocation: sourceLocation)
            }
            #expect(!program.errors.contains("Fatal error"), comment, sourceLocation: sourceLocation)
        }
    }
}
