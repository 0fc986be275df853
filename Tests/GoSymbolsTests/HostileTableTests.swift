import ELFImage
import Foundation
import GoSymbols
import TestSupport
import Testing

@Suite("Damaged and hostile Go programs", .having("/usr/lib/go-1.19/bin/go", "/usr/bin/cc"))
struct HostileTableTests {
    private static let pattern = "*/poll.(*FD).Read"
    private static let function = "internal/poll.(*FD).Read"

    /// An error is fine, and so is nothing; a trap, endless work and a place outside of the code are not.
    private func exercise(_ bytes: [UInt8]) throws {
        guard let image = try? ELFImage(MemorySource(bytes)), let go = try? GoProgram(image) else { return }
        for function in (try? go.functions(named: [Self.pattern])) ?? [] {
            guard let address = function.address else { continue }
            #expect(image.segment(containing: address)?.isExecutable == true)
        }
    }

    @Test("changed bytes and cut files give errors", arguments: [GoProgramTests.Build.all[0], .all[3]])
    func changes(build: GoProgramTests.Build) throws {
        try withFolder { folder in
            let path = "\(folder)/program"
            try GoToolchain.debian.build(GoProgramTests.program, to: path, build.options, build.environment)
            let bytes = Array(try Data(contentsOf: URL(filePath: path)))
            let data = Data(bytes)
            let header = try #require(data.range(of: Data([0xf0, 0xff, 0xff, 0xff, 0, 0, 1, 8]))?.lowerBound)
            let info = try #require(data.range(of: Data([0xff] + Array(" Go buildinf:".utf8)))?.lowerBound)
            let names = try #require(data.range(of: Data(Self.function.utf8 + [0]))?.lowerBound)
            var generator = SeededGenerator(state: 7)
            let places = [0..<1024, header..<(header + 72), info..<(info + 48), names..<(names + 32)]
            for round in 0..<200 {
                var changed = bytes
                for _ in 0...(round % 3) {
                    let range = try #require(places.randomElement(using: &generator))
                    let place = Int.random(in: range, using: &generator)
                    changed[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
                }
                try exercise(changed)
            }
            for length in stride(from: 64, to: bytes.count, by: bytes.count / 40) {
                try exercise(Array(bytes.prefix(length)))
            }
        }
    }

    @Test("descriptions that go backwards are not followed")
    func backwards() throws {
        try withFolder { folder in
            let path = "\(folder)/program"
            try GoToolchain.debian.build(GoProgramTests.program, to: path)
            var bytes = Array(try Data(contentsOf: URL(filePath: path)))
            let header = try #require(Data(bytes).range(of: Data([0xf0, 0xff, 0xff, 0xff, 0, 0, 1, 8]))?.lowerBound)
            func word(_ place: Int) -> Int { (0..<8).reduce(0) { $0 | Int(bytes[place + $1]) << ($1 * 8) } }
            let pairs = header + word(header + 64)
            // The second function's description far behind, the third's before it.
            bytes[(pairs + 12)..<(pairs + 16)] = [0, 0, 8, 0]
            let go = try #require(try GoProgram(ELFImage(MemorySource(bytes))))
            #expect(throws: ELFError.self) { try go.functions(named: [Self.pattern]) }
        }
    }
}
