import ELFImage
import Testing

@testable import TLSLibraries

@Suite("The programs that a command line starts")
struct ProgramFinderTests {
    /// Files by path; the text of a script, or empty for what is none.
    private func programs(
        _ arguments: String..., in files: [String: String], path: String? = "/usr/bin:/bin",
        workingDirectory: String = "/"
    ) -> [String] {
        ProgramFinder(path: path, workingDirectory: workingDirectory) { name in
            files[name].map { MemorySource(Array($0.utf8)) }
        }.programs(startedBy: arguments)
    }

    @Test("A name is looked up in PATH, the first one counts; a path is taken from the working directory")
    func lookUp() {
        let files = ["/bin/client": "", "/usr/bin/client": "", "/srv/app/client": "", "/srv/app/bin/client": ""]
        #expect(programs("client", in: files) == ["/usr/bin/client"])
        #expect(programs("client", in: files, path: "/nowhere:/bin") == ["/bin/client"])
        #expect(programs("client", in: files, path: nil) == ["/usr/bin/client"])
        #expect(programs("./client", in: files, workingDirectory: "/srv/app") == ["/srv/app/client"])
        #expect(programs("bin//client", in: files, workingDirectory: "/srv/app/") == ["/srv/app/bin/client"])
        #expect(
            programs("client", in: files, path: "bin:/bin", workingDirectory: "/srv/app") == ["/srv/app/bin/client"])
        #expect(programs("client", in: files, path: ":/bin", workingDirectory: "/srv/app") == ["/srv/app/client"])
        #expect(programs("/bin/client", in: files, path: "") == ["/bin/client"])
        #expect(programs("absent", in: files) == [])
        #expect(programs("", in: files) == [])
        #expect(programs(in: files) == [])
    }

    @Test("A script leads to its interpreter, from the working directory and not by PATH")
    func scripts() {
        let files = [
            "/bin/sh": "", "/bin/python3": "", "/srv/tool": "", "/usr/bin/env": "", "/usr/bin/tool": "",
            "/start": "#!/bin/sh -e\nexec client\n", "/blank": "#! \t/bin/sh", "/relative": "#!tool\n",
            "/env": "#!/usr/bin/env python3\n", "/split": "#!/usr/bin/env -S A=1 python3 -u\n",
            "/alone": "#!/usr/bin/env\n",
            "/text": "exec client\n", "/empty": "#!\n", "/gone": "#!/no/such/shell\n",
        ]
        #expect(programs("/start", in: files) == ["/bin/sh"])
        #expect(programs("/blank", in: files) == ["/bin/sh"])
        #expect(programs("/relative", in: files, workingDirectory: "/srv") == ["/srv/tool"])
        #expect(programs("/env", in: files) == ["/usr/bin/env", "/bin/python3"])
        #expect(programs("/split", in: files) == ["/usr/bin/env", "/bin/python3"])
        #expect(programs("/alone", in: files) == ["/usr/bin/env"])
        #expect(programs("/gone", in: files) == [])
        // Whatever that is, it is no script.
        #expect(programs("/text", in: files) == ["/text"])
        #expect(programs("/empty", in: files) == ["/empty"])
    }

    @Test("Scripts may be interpreters of scripts, four times as in the kernel; circles end")
    func depth() {
        var files = ["/0": "", "/circle": "#!/circle\n"]
        for level in 1...5 { files["/\(level)"] = "#!/\(level - 1)\n" }
        #expect(programs("/4", in: files) == ["/0"])
        #expect(programs("/5", in: files) == [])
        #expect(programs("/circle", in: files) == [])
    }

    @Test("The first line counts as far as the kernel reads it")
    func longLines() {
        func shebang(_ text: String) -> Shebang? { Shebang(Array(text.utf8)) }
        let name = "/" + String(repeating: "x", count: 251)
        #expect(shebang("#!\(name)\n")?.interpreter == name)
        #expect(shebang("#!\(name) argument")?.interpreter == name)
        #expect(shebang("#!\(name)xxx\n") == nil)
        #expect(shebang("#!\(name)xxxxxx") == nil)
        #expect(shebang("#!/bin/sh\0more")?.interpreter == "/bin/sh")
        #expect(shebang("#!/bin/sh  -a  -b \n")?.argument == "-a -b")
        #expect(shebang("#!/bin/sh \n")?.argument == nil)
        #expect(shebang("#") == nil)
        #expect(shebang("") == nil)
    }

    @Test("Programs that start others name them: an init, a shell")
    func wrapped() {
        let files = [
            "/sbin/docker-init": "", "/app/server": "", "/bin/sh": "", "/bin/client": "", "/start": "#!/bin/sh\n",
        ]
        #expect(
            programs("/sbin/docker-init", "--", "/app/server", "-v", in: files) == ["/sbin/docker-init", "/app/server"])
        #expect(
            programs(
                "/bin/sh", "-c", "cd /app; ./server && (exec client --port 80)", in: files, workingDirectory: "/app")
                == ["/bin/sh", "/app/server", "/bin/client"])
        #expect(programs("/start", "client", in: files) == ["/bin/sh", "/bin/client"])
        #expect(programs("client", "client", "/bin/client", in: files) == ["/bin/client"])
    }

    @Test("A shell's script names what it starts: behind exec first, then the commands; a script of it is not read")
    func scriptCommands() {
        let script = """
            #!/bin/sh -e
            # exec commented
            HOME=/ wget https://x/ | tr a b; if [ "$1" ]; then cd /srv; fi
            exec "/app/server" "$@"
            exec "$0"

            """
        let files = [
            "/bin/sh": "", "/bin/wget": "", "/bin/tr": "", "/app/server": "#!/bin/run\n/bin/other", "/bin/run": "",
            "/bin/other": "", "/bin/commented": "", "/start": script, "/direct": "#!/bin/sh\nexec tr",
        ]
        #expect(programs("/start", in: files) == ["/bin/sh", "/bin/run", "/bin/wget", "/bin/tr"])
        #expect(programs("/direct", in: files) == ["/bin/sh", "/bin/tr"])
        let words = (0..<100).map { "exec word\($0)" }.joined(separator: "\n")
        #expect(ShellCommands(script: Array(words.utf8)).names == (0..<16).map { "word\($0)" })
        #expect(ShellCommands(script: Array(repeating: 0xff, count: 100_000)).names.count <= 1)
    }

    @Test("A command line of any length costs a bounded number of looks")
    func bounds() {
        var looks = 0
        let folders = Array(repeating: "/x", count: 1000).joined(separator: ":")
        let finder = ProgramFinder(path: folders, workingDirectory: "/") { _ in
            looks += 1
            return nil
        }
        let words = Array(repeating: "word", count: 1000)
        #expect(finder.programs(startedBy: words + [words.joined(separator: " ")]) == [])
        #expect(looks == 32 * 64)
    }
}
