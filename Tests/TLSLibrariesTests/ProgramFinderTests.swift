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
