import ELFImage
import Foundation
import TestSupport
import Testing

@Suite("Damaged and hostile files")
struct HostileFileTests {
    /// Bytes with changes on top and an end of its own, without copying them.
    private struct ChangedSource: ByteSource {
        let original: [UInt8]
        var changes: [Int: UInt8] = [:]
        var length: Int

        init(_ original: [UInt8]) {
            self.original = original
            length = original.count
        }

        var size: UInt64 { UInt64(length) }

        func read(at offset: UInt64, count: Int) -> [UInt8] {
            guard offset < size, count > 0 else { return [] }
            let start = Int(offset)
            let end = start + min(count, length - start)
            var bytes = Array(original[start..<end])
            for (place, byte) in changes where place >= start && place < end { bytes[place - start] = byte }
            return bytes
        }
    }

    /// Gives more than it is asked for.
    private struct GenerousSource: ByteSource {
        let original: [UInt8]

        var size: UInt64 { UInt64(original.count) }

        func read(at offset: UInt64, count: Int) -> [UInt8] {
            MemorySource(original).read(at: offset, count: count) + [UInt8](repeating: 1, count: 100)
        }
    }

    @Test("A source that gives more than it is asked for is held to the rule")
    func generous() throws {
        let image = try ELFImage(GenerousSource(original: ELFBuilder().bytes + [UInt8](repeating: 0, count: 10_000)))
        for (offset, count) in [(0, 10), (5000, 0), (5000, 10), (9000, 10_000)] as [(FileOffset, Int)] {
            #expect(try image.bytes(at: offset, count: count).count <= count)
        }
        exercise(GenerousSource(original: ELFBuilder().bytes))
    }

    private static let names = ["first_function", "SSL_ctrl", "SSL_write", "gnutls_server_name_set", "absent"]
        .map(SymbolName.init)
    private static let patterns = [
        SymbolPattern(afterAnyPrefix: "function"), SymbolPattern(exactly: "SSL_ctrl"),
        SymbolPattern(afterAnyPrefix: "absent"),
    ]

    /// Asks everything that can be asked of a file; errors are fine, traps and endless work are not.
    private func exercise(_ source: any ByteSource) {
        guard let image = try? ELFImage(source) else { return }
        _ = try? image.buildID()
        _ = try? image.interpreter()
        _ = try? image.matches(of: [0, 1], following: 8, byteLimit: 512)
        for segment in image.segments.prefix(16) {
            _ = try? image.functionRange(covering: segment.address &+ segment.fileSize / 2)
        }
        _ = try? image.linkedFunctions(matching: Self.patterns)
        guard let dynamic = try? image.dynamicSection() else { return }
        _ = try? image.symbolVersions(dynamic)
        _ = try? image.dynamicFunctions(matching: Self.patterns, dynamic)
        for symbol in (try? image.dynamicFunctions(named: Self.names, dynamic))?.joined() ?? [].joined() {
            _ = try? image.functionRange(covering: symbol.address)
        }
    }

    private func fuzz(_ bytes: [UInt8], rounds: Int, places: [Range<Int>], seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
        for _ in 0..<rounds {
            var source = ChangedSource(bytes)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                guard let area = places.randomElement(using: &random) else { continue }
                let place = Int.random(in: area, using: &random)
                // A byte, or a whole field.
                let width = [1, 1, 2, 4, 8].randomElement(using: &random) ?? 1
                for index in 0..<width where place + index < bytes.count {
                    source.changes[place + index] =
                        Bool.random(using: &random)
                        ? extremes.randomElement(using: &random) : UInt8.random(in: 0...255, using: &random)
                }
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                source.length = Int.random(in: 0...bytes.count, using: &random)
            }
            exercise(source)
        }
    }

    @Test("Random changes of a small file never trap", .timeLimit(.minutes(1)), arguments: ELFBuilder.Lookup.allCases)
    func smallFiles(_ lookup: ELFBuilder.Lookup) {
        for (seed, encoding) in [(true, false), (true, true), (false, false), (false, true)].enumerated() {
            let builder = ELFBuilder(
                is64Bit: encoding.0, isBigEndian: encoding.1, lookup: lookup,
                linked: [.init(name: "first_function", slot: 0), .init(name: "SSL_ctrl", slot: 1)])
            let bytes = builder.bytes
            fuzz(bytes, rounds: 1000, places: [0..<bytes.count], seed: UInt64(seed))
            fuzz(bytes, rounds: 500, places: [builder.layout.sections..<bytes.count], seed: UInt64(seed))
        }
    }

    @Test(
        "Random changes of a real library's headers and tables never trap", .timeLimit(.minutes(1)),
        .enabled(if: !RealFile.libraries.isEmpty, "no library of the usual names is installed"))
    func realLibrary() throws {
        let bytes = try Array(Data(contentsOf: URL(filePath: RealFile.libraries[0])))
        let image = try ELFImage(MemorySource(bytes))
        // Headers and hash table, the dynamic section, the unwind table's head.
        let tables = image.segments.filter { [2, 0x6474_e550].contains($0.type) }
        let places = tables.map { Int($0.fileOffset.value)..<Int($0.fileOffset.value + min($0.fileSize, 1024)) }
        fuzz(bytes, rounds: 2000, places: [0..<1024] + places, seed: 42)
    }

    @Test(
        "Random changes of a static program's section headers and symbols never trap", .timeLimit(.minutes(1)),
        .enabled(if: RealFile.canLinkStatically, "needs cc and the static libc"))
    func staticProgram() throws {
        try RealFile.withProgram("-static") { path in
            let bytes = try Array(Data(contentsOf: URL(filePath: path)))
            // The linker puts the section headers last, behind .symtab and its strings.
            let end = bytes.count
            fuzz(bytes, rounds: 300, places: [0..<64, end - 2048..<end, end - 128..<end], seed: 7)
        }
    }

    @Test("A small file cut off anywhere never traps", arguments: ELFBuilder.Lookup.allCases)
    func truncations(_ lookup: ELFBuilder.Lookup) {
        let bytes = ELFBuilder(lookup: lookup, linked: [.init(name: "first_function", slot: 0)]).bytes
        for length in bytes.indices {
            var source = ChangedSource(bytes)
            source.length = length
            exercise(source)
        }
    }

    @Test("A chain of symbols that forms a circle ends")
    func circle() throws {
        let builder = ELFBuilder(lookup: .systemVHash)
        var bytes = builder.bytes
        let image = try ELFImage(MemorySource(bytes))
        // Every chain number that leads on is made to lead to symbol 1: header 1, 6, 1, then six chains.
        let head: [UInt8] = [1, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0]
        let table = try #require(bytes.indices.first { bytes[$0...].starts(with: head) })
        for start in stride(from: table + 16, to: table + 36, by: 4) {
            bytes.replaceSubrange(start..<(start + 4), with: [1, 0, 0, 0])
        }
        let circular = try ELFImage(MemorySource(bytes))
        #expect(throws: ELFError.self) {
            try circular.dynamicFunctions(named: [SymbolName("absent")], try image.dynamicSection())
        }
    }

    /// Fields of the program header at `index`, in the order of 64-bit files.
    private func file(segment index: Int, _ fields: [Int: UInt64]) -> [UInt8] {
        let builder = ELFBuilder()
        var bytes = builder.bytes
        for (position, value) in fields {
            let start = builder.layout.segments + index * 56 + position
            bytes.replaceSubrange(
                start..<(start + 8), with: (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
        }
        return bytes
    }

    /// Offset, address, size in the file, size in memory.
    private static let wrapping: [[Int: UInt64]] = [
        [8: .max], [8: 0xffff_ffff_ffff_f000, 32: 0x1000], [8: 1 << 63], [32: .max], [32: 1 << 63],
        [16: 0xffff_ffff_ffff_f000, 32: 0x1000], [16: .max - 1, 40: 2], [40: .max],
    ]

    @Test("A loaded segment whose end lies nowhere is an error, as for the kernel", arguments: wrapping)
    func wrappingLoadedSegment(_ fields: [Int: UInt64]) {
        #expect(throws: ELFError.self) { try ELFImage(MemorySource(file(segment: 0, fields))) }
    }

    @Test("Any other segment whose end lies nowhere is left out", arguments: wrapping)
    func wrappingSegment(_ fields: [Int: UInt64]) throws {
        // The note.
        let image = try ELFImage(MemorySource(file(segment: 2, fields)))
        #expect(image.segments.count == 3)
        #expect(try image.buildID() == nil)
    }

    @Test("Sums of addresses and offsets that do not fit are nil")
    func sums() {
        let last = Address(.max)
        #expect(last + 0 == last)
        #expect(last + 1 == nil)
        #expect(Address(0) - 1 == nil)
        #expect(last.moved(by: 1) == nil)
        #expect(Address(0).moved(by: .min) == nil)
        #expect(Address(1 << 63).moved(by: .min) == Address(0))
        #expect(Address(1).distance(from: 2) == nil)
        #expect(FileOffset(.max) + .max == nil)
    }
}
