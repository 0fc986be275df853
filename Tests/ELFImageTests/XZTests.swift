import Foundation
import LibLZMA
import Testing

@Suite("Decompression", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/xz"), "needs xz"))
struct XZTests {
    /// What xz makes of bytes.
    private func compress(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
        let path = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: path) }
        try Data(bytes).write(to: path)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/xz")
        process.arguments = options + ["-c", path.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(output)
    }

    private func decompress(
        _ bytes: [UInt8], by step: Int = 1000, memory: UInt64 = 80 << 20, output: Int = 4 << 20
    ) throws -> [UInt8] {
        var position = 0
        let pieces = try XZ.decompress(memoryLimit: memory, outputLimit: output) {
            let end = min(position + step, bytes.count)
            defer { position = end }
            return Array(bytes[position..<end])
        }
        #expect(pieces.dropLast().allSatisfy { $0.count == XZ.pieceSize })
        return Array(pieces.joined())
    }

    /// Text with some repetition.
    private let text = (0..<60_000).flatMap { Array("\($0 &* 2_654_435_761 % 100_003) ".utf8) }

    @Test("Bytes come back as they were", arguments: [1, 7, 1000, 1 << 20])
    func whole(step: Int) throws {
        for bytes in [[], [1], [UInt8](repeating: 0, count: XZ.pieceSize * 2), text] {
            #expect(try decompress(try compress(bytes), by: step) == bytes)
        }
    }

    @Test("What follows the stream is not read")
    func following() throws {
        #expect(try decompress(try compress(text) + [1, 2, 3]) == text)
    }

    @Test("Limits hold")
    func limits() throws {
        let bomb = try compress([UInt8](repeating: 0, count: 16 << 20))
        #expect(bomb.count < 64 << 10)
        #expect(throws: XZError.tooLarge(4 << 20)) { try decompress(bomb) }
        #expect(throws: XZError.needsMemory) { try decompress(try compress(text, "-9"), memory: 32 << 20) }
        #expect(try decompress(try compress(text, "-9")) == text)
    }

    @Test("Damaged streams are refused wherever they are damaged or cut")
    func damaged() throws {
        #expect(throws: XZError.notXZ) { try decompress(Array("no compressed text".utf8)) }
        #expect(throws: XZError.truncated) { try decompress([]) }
        let bytes = try compress(text)
        for place in stride(from: 0, to: bytes.count, by: 997) {
            #expect(throws: XZError.truncated) { try decompress(Array(bytes[..<place]), by: 1 << 20) }
            var changed = bytes
            changed[place] ^= 0x55
            #expect(throws: XZError.self) { try decompress(changed, by: 1 << 20) }
        }
    }

    @Test("The checksum is zlib's")
    func checksum() {
        var sum = CRC32()
        sum.add(Array("1234".utf8))
        sum.add(Array("56789".utf8))
        #expect(sum.value == 0xcbf4_3926)
    }
}
