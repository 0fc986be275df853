import ELFImage
import Foundation
import OS
import TLSLibraries
import Testing

@Suite("Functions that are linked in, by .symtab")
struct LinkedFunctionTests {
    private typealias Function = ELFBuilder.Function

    private static let names = ["first_function", "second_function", "absent"].map(SymbolName.init)

    private func found(_ builder: ELFBuilder) throws -> [[Address]] {
        try found(MemorySource(builder.bytes))
    }

    private func found(_ source: any ByteSource) throws -> [[Address]] {
        try ELFImage(source).linkedFunctions(named: Self.names).map { $0.map(\.address) }
    }

    @Test(
        "Defined functions are found, also several of a name; imports, data and code elsewhere are not",
        arguments: [true, false], [true, false])
    func kinds(is64Bit: Bool, isBigEndian: Bool) throws {
        let builder = ELFBuilder(
            is64Bit: is64Bit, isBigEndian: isBigEndian,
            linked: [
                Function(name: "first_function", slot: 3), Function(name: "first_function", slot: 1),
                Function(name: "first_function", sectionIndex: 0, slot: 0),
                Function(name: "first_function", type: 1, slot: 0),
                Function(name: "first_function", sectionIndex: ELFBuilder.emptySection, slot: 0),
                // As binutils name a symbol of a library that the file only uses.
                Function(name: "second_function@VERSION_1", slot: 0),
            ])
        #expect(try found(builder) == [[builder.address(ofSlot: 3), builder.address(ofSlot: 1)], [], []])
    }

    @Test("A file without the table has none, whatever it defines for others", arguments: ELFBuilder.Lookup.allCases)
    func stripped(_ lookup: ELFBuilder.Lookup) throws {
        #expect(try found(ELFBuilder(lookup: lookup)) == [[], [], []])
    }

    @Test("Objects that are not linked yet have none: their symbols hold no addresses")
    func relocatable() throws {
        var bytes = ELFBuilder(linked: [Function(name: "first_function", slot: 0)]).bytes
        bytes[16] = 1
        #expect(try found(MemorySource(bytes)) == [[], [], []])
    }

    @Test("Names are found wherever reads are cut", arguments: (0..<18).map { (256 << 10) - 1 - $0 })
    func borders(_ padding: Int) throws {
        let builder = ELFBuilder(
            linked: [Function(name: "first_function", slot: 2), Function(name: "second_function", slot: 1)],
            linkedPadding: [UInt8](repeating: 0x78, count: padding - 1) + [0])
        #expect(try found(builder) == [[builder.address(ofSlot: 2)], [builder.address(ofSlot: 1)], []])
    }

    @Test("A name may be the end of another one, and short")
    func sharedEnds() throws {
        var builder = ELFBuilder(linked: [Function(name: "f", slot: 0), Function(name: "my_f", slot: 1)])
        let image = try ELFImage(MemorySource(builder.bytes))
        #expect(
            try image.linkedFunctions(named: [SymbolName("f")]).map { $0.map(\.address) }
                == [[builder.address(ofSlot: 0)]])
        // The second symbol is moved three bytes into its string: "f".
        builder = ELFBuilder(linked: [Function(name: "my_f", slot: 1)])
        var bytes = builder.bytes
        let strings = try #require(bytes.lastRange(of: Array("\0my_f\0".utf8)))
        let symbol = try #require(
            bytes.indices.last {
                $0 % 8 == 0 && $0 < strings.lowerBound && bytes[$0...].starts(with: [1, 0, 0, 0, 0x12])
            })
        bytes[symbol] = 4
        #expect(
            try ELFImage(MemorySource(bytes)).linkedFunctions(named: [SymbolName("f")]).map { $0.map(\.address) }
                == [[builder.address(ofSlot: 1)]])
    }

    @Test("A name that has thousands of symbols, or stands there thousands of times, is refused")
    func tooOften() {
        let symbols = ELFBuilder(linked: (0..<2000).map { _ in Function(name: "x", slot: 0) })
        #expect(throws: ELFError.self) {
            try ELFImage(MemorySource(symbols.bytes)).linkedFunctions(named: [SymbolName("x")])
        }
        let strings = ELFBuilder(
            linked: [Function(name: "x", slot: 0)],
            linkedPadding: (0..<2000).flatMap { _ in Array("first_function".utf8) + [0] })
        #expect(throws: ELFError.self) { try found(strings) }
    }

    /// A file of 1 TB that has bytes at its beginning only, with a changed section header.
    private func withSparseFile<Result>(
        section: Int, offset: UInt64, size: UInt64, _ body: (RegularFile) throws -> Result
    ) throws -> Result {
        let builder = ELFBuilder(linked: [Function(name: "first_function", slot: 0)])
        var bytes = builder.bytes
        for (field, value) in [(24, offset), (32, size)] {
            let start = builder.layout.sections + section * 64 + field
            for index in 0..<8 { bytes[start + index] = UInt8(truncatingIfNeeded: value >> (index * 8)) }
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: path) }
        try Data(bytes).write(to: path)
        let handle = try FileHandle(forWritingTo: path)
        try handle.truncate(atOffset: 1 << 40)
        try handle.close()
        return try body(try RegularFile(path: path.path))
    }

    @Test(
        "A huge sparse file ends soon, as long as its tables may be", .timeLimit(.minutes(1)),
        arguments: [4, 5], [1 << 20, 64 << 20, (64 << 20) + 1, 1 << 39, UInt64.max] as [UInt64])
    func sparse(section: Int, size: UInt64) throws {
        for offset in [1 << 20, (1 << 40) - (32 << 20), .max - 8] as [UInt64] {
            try withSparseFile(section: section, offset: offset, size: size) { file in
                let found = try? self.found(file)
                #expect(found?.allSatisfy(\.isEmpty) ?? true)
            }
        }
    }

    @Test(
        "Every function of a real static program is where nm says", .timeLimit(.minutes(1)),
        .enabled(if: RealFile.hasNM && RealFile.canLinkStatically, "needs nm, cc and the static libc"),
        arguments: ["-static", "-static-pie"])
    func realProgram(_ option: String) throws {
        try RealFile.withProgram(option) { path in
            let expected = try RealFile.functions(path, table: "-a")
            #expect(expected.count > 500)
            // One look at the table for all; names compared at every string of it.
            let names = expected.keys.sorted().enumerated().filter { $0.offset % 10 == 0 }.map(\.element)
            let image = try ELFImage(try RegularFile(path: path))
            let found = try image.linkedFunctions(named: names.map(SymbolName.init))
            for (name, symbols) in zip(names, found) {
                #expect(Set(symbols.map(\.address)) == expected[name], "\(name)")
            }
        }
    }
}

extension RealFile {
    static let canLinkStatically =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/cc")
        && ["x86_64-linux-gnu", "aarch64-linux-gnu"].contains {
            FileManager.default.fileExists(atPath: "/usr/lib/\($0)/libc.a")
        }

    /// A program of the C library alone.
    static func withProgram(_ options: String..., body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID().uuidString)").path
        let source = path + ".c"
        defer { for file in [path, source] { try? FileManager.default.removeItem(atPath: file) } }
        try Data("int main(void) { return 0; }".utf8).write(to: URL(filePath: source))
        let compiler = try Process.run(URL(filePath: "/usr/bin/cc"), arguments: options + ["-o", path, source])
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        try body(path)
    }
}
