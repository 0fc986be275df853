import ELFImage
import GoSymbols
import TestSupport
import Testing

/// A library in Go 1.13 with its symbols: the table's first layout, entries that are in relocations only (GNU ld), the
/// version behind pointers, arguments on the stack.
@Suite("Go before 1.16", .having(GoToolchain.program1x13, "/usr/bin/nm"))
struct OldProgramTests {
    @Test("functions are where the symbols say", arguments: ["strings.Map", "os.(*File).Read", "strings.ToLower"])
    func functions(name: String) throws {
        let go = try #require(try GoProgram(ELFImage(FileSource(GoToolchain.program1x13))))
        let truth = Address(try #require(try Tool.address(of: name, in: GoToolchain.program1x13)))
        #expect(try go.functions(named: [name]).map(\.address) == [truth])
        #expect(go.version == "1.13.8")
        #expect(go.passesArgumentsOnStack)
    }

    @Test("a part of the import path can be left out")
    func suffix() throws {
        let go = try #require(try GoProgram(ELFImage(FileSource(GoToolchain.program1x13))))
        let truth = Address(try #require(try Tool.address(of: "internal/poll.(*FD).Read", in: GoToolchain.program1x13)))
        let found = try go.functions(named: ["*/poll.(*FD).Read"])
        #expect(found.map(\.name) == ["internal/poll.(*FD).Read"])
        #expect(found.map(\.address) == [truth])
    }

    /// The bytes between function and body are the check, as objdump shows it.
    @Test("the body begins behind the check of the stack", arguments: ["strings.ToLower": 26, "os.(*File).Read": 21])
    func bodies(name: String, length: UInt64) throws {
        let go = try #require(try GoProgram(ELFImage(FileSource(GoToolchain.program1x13))))
        let function = try #require(try go.functions(named: [name]).first)
        #expect(function.bodyAddress == function.address.map { $0 + length })
    }
}
