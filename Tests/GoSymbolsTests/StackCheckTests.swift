import ELFImage
import Foundation
import GoSymbols
import TestSupport
import Testing

@Suite("The check of the stack", .having("/usr/lib/go-1.19/bin/go"))
struct StackCheckTests {
    private static let code = """
        package main

        import "os"

        //go:noinline
        func leaf(n string) int { return len(n) }

        //go:noinline
        func small(n string) int { return leaf(n) + len(os.Args) }

        //go:noinline
        func middle(n string) int {
        \tvar b [1000]byte
        \tfill(b[:], n)
        \treturn int(b[5])
        }

        //go:noinline
        func large(n string) int {
        \tvar b [9000]byte
        \tfill(b[:], n)
        \treturn int(b[5])
        }

        //go:noinline
        func fill(b []byte, n string) { copy(b, n) }

        func main() { os.Exit(small("a") + middle("b") + large("c")) }
        """

    @Test(
        "the body begins behind the last jump that Go's disassembler shows before the frame is made",
        arguments: GoToolchain.all, ["amd64", "arm64"])
    func bodies(toolchain: GoToolchain, architecture: String) throws {
        try withFolder { folder in
            let path = "\(folder)/program"
            try toolchain.build(Self.code, to: path, [], ["GOARCH": architecture])
            let go = try #require(try GoProgram(ELFImage(FileSource(path))))
            for name in ["small", "middle", "large"] {
                let function = try #require(try go.functions(named: ["main.\(name)"]).first)
                let text = try toolchain.run(["tool", "objdump", "-s", "^main.\(name)$", path])
                // The file and line, the address, the bytes, the instruction.
                let lines = text.split(separator: "\n").dropFirst().map { $0.split(whereSeparator: \.isWhitespace) }
                let jump = try #require(lines.firstIndex { $0.count > 3 && ["JBE", "BLS"].contains($0[3]) })
                let body = try #require(UInt64(lines[jump + 1][1].dropFirst(2), radix: 16))
                #expect(function.bodyAddress == Address(body))
            }
            let leaf = try #require(try go.functions(named: ["main.leaf"]).first)
            #expect(leaf.bodyAddress == leaf.address)
        }
    }
}
