import Testing

@testable import Processes

private func parse(_ text: String) -> [MappedFile] {
    MapsParser.executableFiles(in: Array(text.utf8))
}

@Suite("Lines of /proc/PID/maps")
struct MapsParserTests {
    @Test("only executable mappings of files are kept")
    func selection() {
        let files = parse(
            """
            556a5a400000-556a5a402000 r--p 00000000 fd:01 1311 /usr/bin/cat
            556a5a402000-556a5a407000 r-xp 00002000 fd:01 1311                       /usr/bin/cat
            556a5b000000-556a5b021000 rw-p 00000000 00:00 0                          [heap]
            7f0000000000-7f0000001000 r-xp 00000000 00:00 0
            7f0000001000-7f0000002000 rwxp 00000000 00:0e 99 anon_inode:[perf_event]
            7ffc1b9f2000-7ffc1b9f4000 r-xp 00000000 00:00 0                          [vdso]
            7f0000003000-7f0000004000 rwxs 00000000 00:01 77 /memfd:jit (deleted)
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]

            """)
        #expect(
            files == [
                MappedFile(
                    identity: FileIdentity(device: 0xfd << 20 | 1, inode: 1311),
                    range: MappedRange(start: 0x556a_5a40_2000, end: 0x556a_5a40_7000, offset: 0x2000),
                    path: "/usr/bin/cat", isDeleted: false),
                MappedFile(
                    identity: FileIdentity(device: 1, inode: 77),
                    range: MappedRange(start: 0x7f00_0000_3000, end: 0x7f00_0000_4000, offset: 0),
                    path: "/memfd:jit", isDeleted: true),
            ])
    }

    @Test(
        "paths",
        arguments: [
            ("/opt/my app/lib ssl.so", "/opt/my app/lib ssl.so", false),
            ("/tmp/a (deleted)", "/tmp/a", true),
            ("/tmp/a (deleted) (deleted)", "/tmp/a (deleted)", true),
            ("/tmp/a(deleted)", "/tmp/a(deleted)", false),
            (#"/tmp/line\012feed\\012"#, "/tmp/line\nfeed\\\n", false),
            (#"/tmp/back\slash\01"#, #"/tmp/back\slash\01"#, false),
            ("/", "/", false),
            ("/tmp/ends in space ", "/tmp/ends in space ", false),
        ])
    func paths(written: String, path: String, isDeleted: Bool) throws {
        let files = parse("1000-2000 r-xp 00000000 08:02 5 \(written)\n")
        let file = try #require(files.first)
        #expect(file.path == path)
        #expect(file.isDeleted == isDeleted)
    }

    @Test("bytes that are not UTF-8 do not stop it")
    func notUTF8() {
        let line = Array("1000-2000 r-xp 00000000 08:02 5 /tmp/".utf8) + [0xff, 0xfe, 0x0a]
        #expect(MapsParser.executableFiles(in: line).map(\.path) == ["/tmp/\u{fffd}\u{fffd}"])
    }

    @Test("addresses up to 64 bits; the range names its map_files entry")
    func addresses() throws {
        let file = try #require(
            parse("00400000-ffffffffffffffff r-xp fffffffffffff000 fff:fffff 18446744073709551615 /a\n").first)
        #expect(file.range.name == "400000-ffffffffffffffff")
        #expect(file.range.offset == 0xffff_ffff_ffff_f000)
        #expect(file.identity == FileIdentity(device: 0xffff_ffff, inode: .max))
    }

    @Test(
        "garbage is left out",
        arguments: [
            "", "\n", "\n\n\n", " ", "- x", "1000-2000", "1000-2000 r-xp", "1000-2000 r-xp \n",
            "zzzz-2000 r-xp 0 1:1 5 /a\n",
            "1000-2000 r-xp 0 1:1 5 /a", "1000-2000 r-xp 0 1:1 5", "1000-2000 r-xp 0 1:1 5\n",
            "10000000000000000-2000 r-xp 0 1:1 5 /a\n", "2000-1000 r-xp 0 1:1 5 /a\n", "1000-1000 r-xp 0 1:1 5 /a\n",
            "1000-2000 r-xp 0 1000:1 5 /a\n", "1000-2000 r-xp 0 1:100000 5 /a\n",
            "1000-2000 r-xp 0 1:1 18446744073709551616 /a\n", "1000-2000 r-xp 0 1:1 99999999999999999999999 /a\n",
            "1000-2000 r-xp 0 1:1 0 /a\n", "1000-2000 r-xp 0 1:1 5a /a\n", "1000-2000 ...x", "-  xx x x x\n",
            "1000-2000 \n1000-2000 r-x\n", "1000-2000 r-xp  1:1 5 /a\n", "   x   x   \n   x\n",
        ])
    func garbage(text: String) {
        #expect(parse(text).isEmpty)
    }

    @Test("a cut or changed file never traps, and whole lines are still found")
    func mutilation() {
        let text = Array(
            """
            1000-2000 r-xp 00000000 08:02 5 /lib/libssl.so.3 (deleted)
            3000-4000 r-xp 00001000 08:02 6 /lib/lib\\012x.so

            """.utf8)
        for end in 0...text.count {
            let found = MapsParser.executableFiles(in: Array(text[..<end]))
            #expect(found.count == text[..<end].count { $0 == 0x0a })
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var changed = text
            for _ in 0..<3 { changed[Int.random(in: 0..<text.count, using: &random)] = .random(in: 0...255) }
            _ = MapsParser.executableFiles(in: changed)
        }
    }
}
