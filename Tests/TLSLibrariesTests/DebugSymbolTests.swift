import ELFImage
import Foundation
import OS
import TLSLibraries
import TestSupport
import Testing

@Suite("Functions by symbols that are kept apart")
struct DebugSymbolTests {
    private static let isPossible = ["cc", "nm", "strip", "objcopy", "xz"].allSatisfy(Tool.isInstalled)
    private static let patterns = [
        SymbolPattern(exactly: "SSL_ctrl"), SymbolPattern(afterAnyPrefix: "set_host"),
        SymbolPattern(exactly: "absent_function"),
    ]
    private static let none: [[Address]] = [[], [], []]

    /// What a test works with: a stripped library, what nm said of it before, and its debug file.
    private struct Files {
        let folder: String
        let expected: [[Address]]
        var stripped: String { folder + "/library.so" }
        var debug: String { folder + "/library.so.debug" }

        func add(section: String, _ file: String) throws {
            try Tool.run("objcopy", "--add-section", "\(section)=\(file)", stripped)
        }

        func addLink() throws { try Tool.run("objcopy", "--add-gnu-debuglink=\(debug)", stripped) }

        func image() throws -> ELFImage { try ELFImage(try Fixture.file(stripped)) }

        func search(_ files: [String: String] = [:]) throws -> DebugSymbols {
            try DebugSymbols.functions(matching: patterns, of: try image(), path: "/app/lib/library.so") { path in
                files[path].flatMap { try? Fixture.file($0) }
            }
        }
    }

    private static func addresses(_ symbols: DebugSymbols) -> [[Address]] {
        symbols.functions.map { $0.map(\.address) }
    }

    private func withFiles(_ options: String..., version: Int = 1, body: (Files) throws -> Void) throws {
        let code = """
            __attribute__((noinline)) long SSL_ctrl(void *ssl, int command, long number, void *name)
            { return command + number + !ssl + !name + \(version); }
            __attribute__((noinline)) static int MY_set_host(void *ssl, const char *name) { return ssl == name; }
            __attribute__((visibility("default"))) int plugin(void *ssl, char *name)
            { return SSL_ctrl(ssl, 55, 0, name) + MY_set_host(ssl, name); }
            """
        try withFolder { folder in
            let path = folder + "/library.so"
            try Data(code.utf8).write(to: URL(filePath: path + ".c"))
            try _ = Tool.run(
                ["cc", "-shared", "-fPIC", "-g", "-O1", "-fvisibility=hidden", "-Wl,--build-id", "-o", path]
                    + options + [path + ".c"])
            let lines = try Tool.run("nm", "--defined-only", path).split(separator: "\n")
            let expected = ["SSL_ctrl", "MY_set_host"].map { name in
                lines.filter { $0.lowercased().hasSuffix(" t \(name.lowercased())") }
                    .compactMap { UInt64($0.prefix { $0 != " " }, radix: 16).map(Address.init) }
            }
            #expect(expected.map(\.count) == [1, 1])
            try Tool.run("objcopy", "--only-keep-debug", path, path + ".debug")
            try Tool.run("strip", "--strip-all", "-R", ".comment", path)
            let files = Files(folder: folder, expected: expected + [[]])
            #expect(try files.image().linkedFunctions(matching: Self.patterns).allSatisfy(\.isEmpty))
            #expect(try files.search().place == nil)
            #expect(try files.search().reasons.isEmpty)
            try body(files)
        }
    }

    /// By the recipe of GDB's manual, "MiniDebugInfo".
    private func addEmbedded(_ files: Files, _ options: String...) throws {
        let small = files.folder + "/mini"
        try Data("SSL_ctrl\nMY_set_host\n".utf8).write(to: URL(filePath: files.folder + "/names"))
        try Tool.run("objcopy", "-S", "--keep-symbols=\(files.folder)/names", files.debug, small)
        try _ = Tool.run(["xz"] + options + [small])
        try files.add(section: ".gnu_debugdata", small + ".xz")
    }

    @Test("In .gnu_debugdata", .enabled(if: isPossible, "needs cc, binutils and xz"), arguments: ["-0", "-6", "-9e"])
    func embedded(_ level: String) throws {
        try withFiles { files in
            try addEmbedded(files, level)
            let symbols = try files.search()
            #expect(symbols.place == .embedded)
            #expect(Self.addresses(symbols) == files.expected)
            #expect(symbols.functions[1].first?.name == "MY_set_host")
            #expect(symbols.reasons.isEmpty)
        }
    }

    @Test("What is wrong with .gnu_debugdata is told", .enabled(if: isPossible, "needs cc, binutils and xz"))
    func damaged() throws {
        try withFiles { files in
            try Data("text, which was not compressed".utf8).write(to: URL(filePath: files.folder + "/mini.xz"))
            try files.add(section: ".gnu_debugdata", files.folder + "/mini.xz")
            let symbols = try files.search()
            #expect(symbols.place == nil)
            #expect(Self.addresses(symbols) == Self.none)
            #expect(symbols.reasons.count == 1)
            #expect(symbols.reasons.first?.contains("not in the format of xz") == true)
        }
        try withFiles { files in
            try Tool.run("truncate", "-s", "100M", files.folder + "/mini")
            try Tool.run("xz", files.folder + "/mini")
            try files.add(section: ".gnu_debugdata", files.folder + "/mini.xz")
            let symbols = try files.search()
            #expect(symbols.place == nil)
            #expect(symbols.reasons.first?.contains("more than") == true)
        }
    }

    @Test(
        "Symbols that are installed after the file was searched are found, once",
        .enabled(if: isPossible, "needs cc, binutils and xz"))
    func installedLater() throws {
        try withFiles { files in
            let catalog = try LibraryCatalog.builtin
            let folder = files.folder + "/cache"
            let cache = try FindingCache(path: folder, catalog: catalog) { _ in nil }
            let inspector = Inspector(catalog: catalog, cache: cache)
            var isInstalled = false
            func located() throws -> [Located] {
                let stripped = try RegularFile(path: files.stripped)
                let report = try inspector.searchLibraries(in: stripped, path: "/app/library.so") { path in
                    isInstalled && path.contains("/.build-id/") ? try? RegularFile(path: files.debug) : nil
                }
                return report.libraries.flatMap(\.functions).map(\.located)
            }
            func results() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: folder).count }
            // Of files that were changed just now nothing is kept.
            for path in [files.stripped, files.debug] {
                let deadline = Date.now + 10
                while FileState(of: try RegularFile(path: path), below: nil) == nil, Date.now < deadline {
                    Threads.sleep(milliseconds: 10)
                }
            }
            #expect(try located() == [])
            #expect(try results() == 1)
            isInstalled = true
            for _ in 1...2 { #expect(try located() == [.debuglink]) }
            #expect(try results() == 2)
            isInstalled = false
            #expect(try located() == [])
            #expect(try results() == 2)
        }
    }

    @Test("In a debug file by build ID", .enabled(if: isPossible, "needs cc, binutils and xz"))
    func buildID() throws {
        try withFiles { files in
            let buildID = try #require(try files.image().buildID())
            let path = "/usr/lib/debug/.build-id/\(buildID.prefix(2))/\(buildID.dropFirst(2)).debug"
            let symbols = try files.search([path: files.debug])
            #expect(symbols.place == .file(path: path))
            #expect(Self.addresses(symbols) == files.expected)
            #expect(try files.search([path: files.stripped]).place == nil)
            try withFiles(version: 2) { other in
                let symbols = try files.search([path: other.debug])
                #expect(symbols.place == nil)
                #expect(symbols.reasons == ["\(path) is not used: it belongs to another build of the file."])
            }
            #expect(try files.search(["/app/lib/library.so.debug": files.debug]).place == nil)
        }
    }

    @Test(
        "In a debug file by .gnu_debuglink, with and without build IDs",
        .enabled(if: isPossible, "needs cc, binutils and xz"), arguments: [true, false],
        ["/app/lib/", "/app/lib/.debug/", "/usr/lib/debug/app/lib/"])
    func debugLink(hasBuildID: Bool, folder: String) throws {
        let option = hasBuildID ? "-Wl,--build-id" : "-Wl,--build-id=none"
        try withFiles(option) { files in
            try files.addLink()
            let path = folder + "library.so.debug"
            let symbols = try files.search([path: files.debug])
            #expect(symbols.place == .file(path: path))
            #expect(Self.addresses(symbols) == files.expected)
            let elsewhere = try files.search(["/library.so.debug": files.debug, "/app/library.so.debug": files.debug])
            #expect(elsewhere.place == nil)
            try withFiles(option, version: 2) { other in
                let symbols = try files.search([path: other.debug])
                #expect(symbols.place == nil)
                #expect(symbols.reasons == ["\(path) is not used: it belongs to another build of the file."])
            }
            let text = try files.search([path: files.stripped + ".c"])
            #expect(text.place == nil)
            #expect(text.reasons == ["\(path) is not used: it is not an ELF file."])
        }
    }

    @Test(
        "A debug file can't make a place in the file a function", .enabled(if: isPossible, "needs cc, binutils and xz"),
        arguments: [1, 4, -1])
    func falseAddress(_ distance: Int) throws {
        try withFiles { files in
            try files.addLink()
            let name = "SSL_ctrl"
            let address = try #require(files.expected.first?.first)
            let moved = Int(address.value) + distance
            try Tool.run("objcopy", "--strip-symbol=\(name)", files.debug)
            try Tool.run("objcopy", "--add-symbol", "\(name)=.text:\(moved),function,global", files.debug)
            let path = "/app/lib/.debug/library.so.debug"
            let symbols = try files.search([path: files.debug])
            #expect(symbols.functions.map { $0.map(\.name) } == [[], ["MY_set_host"], []])
            #expect(
                symbols.reasons
                    == ["\(path) names SSL_ctrl where the file's own unwind table has no function."])
        }
    }

    @Test(
        "Random changes of symbols, links and headers never trap", .timeLimit(.minutes(1)),
        .enabled(if: isPossible, "needs cc, binutils and xz"))
    func hostile() throws {
        try withFiles { files in
            try addEmbedded(files)
            try files.addLink()
            let program = try Fixture.file(files.stripped).bytes
            let debug = try Fixture.file(files.debug).bytes
            let tail = min(4096, program.count)
            var state: UInt64 = 1
            func random(_ limit: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % limit
            }
            for _ in 0..<300 {
                var program = program
                var debug = debug
                for _ in 0..<(1 + random(4)) {
                    // Section headers, their names and what objcopy added come last.
                    program[program.count - 1 - random(tail)] = UInt8(random(256))
                    debug[random(debug.count)] = UInt8(random(256))
                }
                guard let image = try? ELFImage(MemorySource(program)) else { continue }
                for isEmbedded in [true, false] {
                    _ = try? DebugSymbols.functions(
                        matching: Self.patterns, of: image, path: "/a"
                    ) { _ in isEmbedded ? nil : MemorySource(debug) }
                }
            }
        }
    }
}
