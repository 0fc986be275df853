import ELFImage
import Foundation
import GoSymbols
import OS
import TestSupport
import Testing

/// A file, read as it is asked for.
struct FileSource: ByteSource {
    let file: RegularFile

    init(_ path: String) throws {
        file = try RegularFile(path: path)
    }

    var size: UInt64 { file.status.size }

    func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        try file.read(at: offset, count: count)
    }
}

@Suite("Go programs", .having("/usr/lib/go-1.19/bin/go", "/usr/bin/nm", "/usr/bin/cc"))
struct GoProgramTests {
    /// In every program that can read a file.
    static let function = "internal/poll.(*FD).Read"

    static let program = """
        package main

        import "os"

        func main() { os.Stdin.Read(make([]byte, 1)) }
        """

    /// A way to build a program.
    struct Build: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let options: [String]
        let environment: [String: String]

        init(_ name: String, _ options: [String] = [], _ environment: [String: String] = [:]) {
            testDescription = name
            self.options = options
            self.environment = environment
        }

        static let all = [
            Build("static"),
            Build("position-independent", ["-buildmode=pie"]),
            Build("linked by GNU ld", ["-ldflags=-linkmode=external"], ["CGO_ENABLED": "1"]),
            Build(
                "position-independent by GNU ld", ["-buildmode=pie", "-ldflags=-linkmode=external"],
                ["CGO_ENABLED": "1"]),
            Build("ARM64", [], ["GOARCH": "arm64"]),
            Build("ARM64, position-independent", ["-buildmode=pie"], ["GOARCH": "arm64"]),
        ]
    }

    @Test("the function is where the symbols say, with and without them", arguments: GoToolchain.all, Build.all)
    func builds(toolchain: GoToolchain, build: Build) throws {
        try withFolder { folder in
            let program = "\(folder)/program"
            try toolchain.build(Self.program, to: program, build.options, build.environment)
            let truth = Address(try #require(try Tool.address(of: Self.function, in: program)))
            let stripped = "\(folder)/stripped"
            let linking = build.options.first { $0.hasPrefix("-ldflags") }.map { "\($0) -s -w" } ?? "-ldflags=-s -w"
            try toolchain.build(Self.program, to: stripped, build.options + [linking], build.environment)
            // Without symbols GNU ld may lay it out otherwise: only Go's own linker makes a twin of the same addresses.
            var files = [program]
            if build.environment["CGO_ENABLED"] == nil {
                files.append(stripped)
            } else {
                try Tool.run(["/usr/bin/strip", "--strip-all", "-o", stripped + "-later", program])
                files.append(stripped + "-later")
            }
            let version = try toolchain.version()
            for file in files {
                let go = try #require(try GoProgram(ELFImage(FileSource(file))))
                #expect(go.version == version)
                #expect(!go.passesArgumentsOnStack)
                let found = try go.functions(named: [Self.function])
                #expect(found.map(\.name) == [Self.function])
                #expect(found.map(\.address) == [truth])
                #expect(try go.functions(named: ["*/poll.(*FD).Read", Self.function]) == found)
                #expect(try go.functions(named: ["*.(*FD).Read"]).contains(found[0]))
                #expect(try go.functions(named: ["poll.(*FD).Read", "internal/poll.(*FD).Rea", "*/poll.absent"]) == [])
            }
        }
    }

    @Test("section headers are not needed", arguments: GoToolchain.all, [Build.all[0], Build.all[3]])
    func noSections(toolchain: GoToolchain, build: Build) throws {
        try withFolder { folder in
            let program = "\(folder)/program"
            try toolchain.build(Self.program, to: program, build.options, build.environment)
            let truth = Address(try #require(try Tool.address(of: Self.function, in: program)))
            var bytes = Array(try Data(contentsOf: URL(filePath: program)))
            // e_shoff, e_shnum and e_shstrndx.
            for place in Array(40..<48) + Array(60..<64) { bytes[place] = 0 }
            let go = try #require(try GoProgram(ELFImage(MemorySource(bytes))))
            #expect(go.version == (try toolchain.version()))
            #expect(try go.functions(named: [Self.function]).map(\.address) == [truth])
        }
    }

    @Test("a function that was inlined everywhere has no address")
    func inlined() throws {
        let code = """
            package main

            import "os"

            func always(n int) int { return n*n + len(os.Args) }

            //go:noinline
            func never(n int) int { return always(n) + 1 }

            func main() { os.Exit(never(always(3))) }
            """
        try withFolder { folder in
            try GoToolchain.debian.build(code, to: "\(folder)/program")
            let go = try #require(try GoProgram(ELFImage(FileSource("\(folder)/program"))))
            let found = try go.functions(named: ["main.always", "main.never"])
            #expect(Set(found.map(\.name)) == ["main.always", "main.never"])
            #expect(found.filter { $0.address == nil }.map(\.name) == ["main.always"])
        }
    }

    /// They have no symbols, and are position-independent and linked by GNU ld with C code. Debian built them by the same
    /// compiler: the function's first instructions, up to a call, are those of a program of ours with symbols.
    @Test(
        "Debian's programs", .having("/usr/bin/docker", "/usr/sbin/dockerd", "/usr/bin/containerd"))
    func debianPrograms() throws {
        let client = """
            package main

            import "crypto/tls"

            func main() { tls.Dial("tcp", "", nil) }
            """
        let function = "crypto/tls.hostnameInSNI"
        try withFolder { folder in
            try GoToolchain.debian.build(client, to: "\(folder)/program", ["-buildmode=pie"])
            let image = try ELFImage(FileSource("\(folder)/program"))
            let address = Address(try #require(try Tool.address(of: function, in: "\(folder)/program")))
            let truth = try #require(try image.bytes(atAddress: address, count: 32))
            for path in ["/usr/bin/docker", "/usr/sbin/dockerd", "/usr/bin/containerd"] {
                let image = try ELFImage(FileSource(path))
                let found = try #require(try GoProgram(image)).functions(named: [function])
                let address = try #require(found.first?.address)
                #expect(found.count == 1)
                #expect(try image.bytes(atAddress: address, count: 32) == truth)
            }
        }
    }

    @Test("other programs are none", arguments: ["/bin/ls", "/usr/bin/nm", "/usr/bin/cc"])
    func others(path: String) throws {
        #expect(try GoProgram(ELFImage(FileSource(path))) == nil)
    }
}
