import ELFImage
import Foundation
import OS
import Testing

@Suite("Functions, versions and unwind entries")
struct SymbolTests {
    @Test(
        "Defined functions are found by every kind of table, imports and data are not",
        arguments: ELFBuilder.Lookup.allCases, [(true, false), (true, true), (false, false), (false, true)])
    func lookup(_ lookup: ELFBuilder.Lookup, encoding: (is64Bit: Bool, isBigEndian: Bool)) throws {
        let builder = ELFBuilder(is64Bit: encoding.is64Bit, isBigEndian: encoding.isBigEndian, lookup: lookup)
        let image = try ELFImage(MemorySource(builder.bytes))
        let names = [
            "first_function", "second_function", "chosen_at_start", "some_data", "imported_function", "function",
        ]
        let found = try image.dynamicFunctions(named: names.map(SymbolName.init), try image.dynamicSection())
        #expect(
            found.map { $0.map(\.address) } == [
                [builder.address(ofSlot: 0)], [builder.address(ofSlot: 1)], [builder.address(ofSlot: 2)], [], [], [],
            ])
        #expect(found[0].first?.size == UInt64(ELFBuilder.functionSize))
        #expect(found[0].first?.isIndirect == false)
        #expect(found[2].first?.isIndirect == true)
    }

    @Test("The unwind table gives the function around an address", arguments: [true, false], [true, false])
    func unwindTable(is64Bit: Bool, isBigEndian: Bool) throws {
        let builder = ELFBuilder(is64Bit: is64Bit, isBigEndian: isBigEndian)
        let image = try ELFImage(MemorySource(builder.bytes))
        for slot in 0..<4 {
            let start = builder.address(ofSlot: slot)
            for distance in [0, 1, 31] as [UInt64] {
                #expect(try image.functionRange(covering: start &+ distance) == start..<(start &+ 32))
            }
        }
        #expect(try image.functionRange(covering: Address(builder.address(ofSlot: 0).value - 1)) == nil)
        #expect(try image.functionRange(covering: builder.address(ofSlot: 4)) == nil)
        #expect(try image.functionRange(covering: Address(.max)) == nil)
    }

    @Test("Symbol versions are listed", arguments: [true, false])
    func versions(isBigEndian: Bool) throws {
        let image = try ELFImage(MemorySource(ELFBuilder(isBigEndian: isBigEndian).bytes))
        let dynamic = try #require(try image.dynamicSection())
        #expect(try image.symbolVersions(dynamic) == ["THIS_1.0", "THIS_1.2.3"])
    }

    @Test("A byte string is found wherever it lies, on the border of two reads too")
    func search() throws {
        var bytes = ELFBuilder().bytes
        let size = 1 << 20
        bytes += [UInt8](repeating: 0x2e, count: size - bytes.count)
        let places = [300_000, (256 << 10) - 3, (512 << 10) - 1, 512 << 10 + 40, size - 7]
        for place in places { bytes.replaceSubrange(place..<(place + 7), with: Array("NEEDLE!".utf8)) }
        // The segment's size in the file: eight bytes at 32 of the first program header.
        for index in 0..<8 { bytes[64 + 32 + index] = UInt8(truncatingIfNeeded: size >> (index * 8)) }
        let image = try ELFImage(MemorySource(bytes))
        let found = try image.matches(of: Array("NEEDLE".utf8), following: 2)
        #expect(found.map { String(decoding: $0, as: UTF8.self) }.sorted() == ["!", "!.", "!.", "!.", "!."])
        #expect(try image.matches(of: Array("NEEDLE".utf8), following: 2, matchLimit: 2).count == 2)
        #expect(try image.matches(of: Array("NEEDLE".utf8), following: 2, byteLimit: 1000).isEmpty)
    }

    @Test(
        "Every function of real libraries is where nm says",
        .enabled(if: RealFile.hasNM, "nm (binutils) is not installed"),
        arguments: RealFile.libraries)
    func realLibraries(_ path: String) throws {
        let image = try ELFImage(MemorySource(try Array(Data(contentsOf: URL(filePath: path)))))
        let expected = try RealFile.functions(path)
        #expect(!expected.isEmpty)
        let names = expected.keys.sorted()
        let found = try image.dynamicFunctions(named: names.map(SymbolName.init), try image.dynamicSection())
        for (name, symbols) in zip(names, found) {
            #expect(Set(symbols.map(\.address)) == expected[name], "\(name) in \(path)")
        }
        let absent = ["", "no_such_function", String(repeating: "x", count: 300)].map(SymbolName.init)
        #expect(try image.dynamicFunctions(named: absent, try image.dynamicSection()).allSatisfy(\.isEmpty))
    }
}

/// Libraries of this host and what binutils say of them.
enum RealFile {
    static let hasNM = FileManager.default.isExecutableFile(atPath: "/usr/bin/nm")

    static let libraries: [String] = ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap { triplet in
        ["libssl.so.3", "libgnutls.so.30", "libz.so.1", "libc.so.6", "android/libssl.so.0"].map {
            "/usr/lib/\(triplet)/\($0)"
        }
    }.filter { FileManager.default.fileExists(atPath: $0) }

    /// Addresses by name of the functions that a file defines.
    /// - Parameter table: nm's option for the table; `-D`: `.dynsym`, `-a`: `.symtab`.
    static func functions(_ path: String, table: String = "-D") throws -> [String: Set<Address>] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/nm")
        process.arguments = [table, "--defined-only", "--without-symbol-versions", "-f", "sysv", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        var result: [String: Set<Address>] = [:]
        // Name, value, class, type, size, line, section. Type 10 is an indirect function.
        for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard fields.count == 7, ["FUNC", "<OS specific>: 10"].contains(fields[3]),
                let address = UInt64(fields[1], radix: 16)
            else { continue }
            result[fields[0], default: []].insert(Address(address))
        }
        return result
    }
}
