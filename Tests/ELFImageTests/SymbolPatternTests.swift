import ELFImage
import Foundation
import OS
import Testing

@Suite("Functions that were renamed by a prefix")
struct SymbolPatternTests {
    private typealias Function = ELFBuilder.Function

    private static let pattern = SymbolPattern(afterAnyPrefix: "set_name", except: ["_cffi_d_", "_cffi_f_"])

    private static let wanted = ["set_name", "BoringSSL_set_name", "aws_lc_0_25_0_set_name", "_set_name", "__set_name"]
    private static let others = [
        "reset_name", "Xset_name", "set_name_", "set_names", "t_name", "_cffi_d_set_name", "_cffi_f_set_name",
        // C++ and Rust: end in the length and a part of a longer name.
        "_Z10a_set_namev", "_RNvC5crate10a_set_name", "BoringSSL_set_name.cold",
    ]

    private func names(_ found: [[Symbol]]) -> [Set<String>] { found.map { Set($0.map(\.name)) } }

    @Test("In .symtab, by their ends, and each with its name", arguments: [true, false], [true, false])
    func linked(is64Bit: Bool, isBigEndian: Bool) throws {
        let functions = (Self.wanted + Self.others).enumerated().map { Function(name: $1, slot: $0 % 4) }
        let extra = [
            Function(name: "imported_set_name", sectionIndex: 0, slot: 0),
            Function(name: "data_set_name", type: 1, slot: 0),
            Function(name: "left_out_set_name", sectionIndex: ELFBuilder.emptySection, slot: 0),
        ]
        let builder = ELFBuilder(is64Bit: is64Bit, isBigEndian: isBigEndian, linked: functions + extra)
        let patterns = [Self.pattern, SymbolPattern(exactly: "set_name"), SymbolPattern(afterAnyPrefix: "absent")]
        let found = try ELFImage(MemorySource(builder.bytes)).linkedFunctions(matching: patterns)
        #expect(names(found) == [Set(Self.wanted), ["set_name"], []])
        for symbol in found[0] {
            let slot = try #require(functions.first { $0.name == symbol.name }).slot
            #expect(symbol.address == builder.address(ofSlot: slot))
        }
    }

    @Test("In .dynsym, whatever table counts its entries", arguments: ELFBuilder.Lookup.allCases, [true, false])
    func dynamic(_ lookup: ELFBuilder.Lookup, is64Bit: Bool) throws {
        var builder = ELFBuilder(is64Bit: is64Bit, lookup: lookup)
        builder.functions = (Self.wanted + Self.others).enumerated().map { Function(name: $1, slot: $0 % 4) }
        builder.functions.append(Function(name: "imported_set_name", sectionIndex: 0, slot: 0))
        builder.build()
        let image = try ELFImage(MemorySource(builder.bytes))
        let dynamic = try image.dynamicSection()
        let patterns = [Self.pattern, SymbolPattern(exactly: "reset_name")]
        #expect(
            names(try image.dynamicFunctions(matching: patterns, dynamic)) == [Set(Self.wanted), ["reset_name"]])
        #expect(try image.dynamicFunctions(matching: patterns, nil) == [[], []])
    }

    @Test("A name may begin inside a longer string")
    func sharedEnds() throws {
        for (start, name) in [(1, "a_b_set_name"), (3, "b_set_name"), (5, "set_name"), (6, nil)] {
            let builder = ELFBuilder(linked: [Function(name: "a_b_set_name", slot: 1)])
            var bytes = builder.bytes
            let strings = try #require(bytes.lastRange(of: Array("\0a_b_set_name\0".utf8)))
            let symbol = try #require(
                bytes.indices.last {
                    $0 % 8 == 0 && $0 < strings.lowerBound && bytes[$0...].starts(with: [1, 0, 0, 0, 0x12])
                })
            bytes[symbol] = UInt8(start)
            let found = try ELFImage(MemorySource(bytes)).linkedFunctions(matching: [Self.pattern])
            #expect(found.map { $0.map(\.name) } == [name.map { [$0] } ?? []])
        }
    }

    @Test("Prefixes are whole wherever reads are cut", arguments: stride(from: 0, to: 24, by: 1).map { $0 })
    func borders(_ distance: Int) throws {
        let padding = (256 << 10) - 1 - distance
        let builder = ELFBuilder(
            linked: [Function(name: "BoringSSL_set_name", slot: 2), Function(name: "set_name", slot: 1)],
            linkedPadding: [UInt8](repeating: 0x78, count: padding - 1) + [0])
        let found = try ELFImage(MemorySource(builder.bytes)).linkedFunctions(matching: [Self.pattern])
        #expect(found.map { $0.map(\.name) } == [["BoringSSL_set_name", "set_name"]])
    }

    @Test("A prefix without end is no name, and costs no more than others", .timeLimit(.minutes(1)))
    func longNames() throws {
        let name = String(repeating: "x", count: 1 << 20) + "_set_name"
        let builder = ELFBuilder(linked: [Function(name: name, slot: 2), Function(name: "a_set_name", slot: 1)])
        let found = try ELFImage(MemorySource(builder.bytes)).linkedFunctions(matching: [Self.pattern])
        #expect(found.map { $0.map(\.name) } == [["a_set_name"]])
    }

    @Test("Thousands of them are refused")
    func tooMany() {
        let builder = ELFBuilder(linked: (0..<2000).map { Function(name: "a\($0)_set_name", slot: 0) })
        #expect(throws: ELFError.self) {
            try ELFImage(MemorySource(builder.bytes)).linkedFunctions(matching: [Self.pattern])
        }
    }

    @Test(
        "Real libraries have those that nm says",
        .enabled(if: RealFile.hasNM, "nm (binutils) is not installed"), arguments: RealFile.libraries)
    func realLibraries(_ path: String) throws {
        let image = try ELFImage(try RegularFile(path: path))
        let expected = try RealFile.functions(path)
        let endings = ["free", "hostname", "name_set", "init", "cpy", "get_version"]
        let found = try image.dynamicFunctions(
            matching: endings.map { SymbolPattern(afterAnyPrefix: $0) }, try image.dynamicSection())
        for (ending, symbols) in zip(endings, found) {
            let names = expected.keys.filter { $0 == ending || $0.hasSuffix("_\(ending)") && !$0.hasPrefix("_I") }
            #expect(Set(symbols.map(\.name)) == Set(names), "*_\(ending) in \(path)")
            for symbol in symbols { #expect(expected[symbol.name]?.contains(symbol.address) == true) }
        }
    }
}
