import ELFImage
import Foundation
import TLSLibraries
import TestSupport
import Testing

/// Whoever owns a file that is inspected by root writes what he wants into it.
@Suite("The search in damaged and hostile files", .enabled(if: Fixture.canCompile, "needs clang and ld.lld"))
struct HostileSearchTests {
    /// A library in which BoringSSL's function is found by what it contains.
    private static let code = """
        unsigned long strlen(const char *);
        void ERR_put_error(int, int, int, const char *, unsigned);
        char *strdup(const char *);
        __attribute__((noinline)) static int set(char **ssl, const char *name) {
            *ssl = 0;
            if (!name) return 1;
            unsigned long size = strlen(name);
            if (size == 0 || size > 255) { ERR_put_error(16, 0, 213, "boringssl/ssl/ssl_lib.cc", 1234); return 0; }
            return (*ssl = strdup(name)) != 0;
        }
        int use(char **ssl, const char *name) { return set(ssl, name) + 1; }
        """

    private static func variant(_ options: [String]) throws -> [UInt8] {
        try Fixture.library(code, ["-Wl,--strip-all", "-Wl,--unresolved-symbols=ignore-all"] + options).bytes
    }

    private static let noTable = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]

    @Test(
        "Random changes never trap, and take no time", .timeLimit(.minutes(1)),
        arguments: [
            ["--target=x86_64-linux-gnu"], ["--target=x86_64-linux-gnu"] + noTable, ["--target=aarch64-linux-gnu"],
            ["--target=aarch64-linux-gnu"] + noTable,
        ])
    func changes(_ options: [String]) throws {
        let bytes = try Self.variant(options)
        let inspector = Inspector(catalog: try .builtin)
        #expect(try inspector.searchLibraries(in: MemorySource(bytes)).isTraceable)
        var random = SeededGenerator(state: 4)
        let clock = ContinuousClock()
        for round in 0..<250 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                // Headers in every second round.
                let end = round % 2 == 0 ? 64 + 56 * 10 : bytes.count
                let place = Int.random(in: 0..<end, using: &random)
                let width = [1, 1, 2, 4, 8].randomElement(using: &random) ?? 1
                for index in place..<min(place + width, bytes.count) {
                    changed[index] =
                        [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
                        .randomElement(using: &random) ?? 0
                }
            }
            let took = clock.measure {
                // An error is as good an answer as any.
                _ = try? inspector.searchLibraries(in: MemorySource(changed))
            }
            #expect(took < .seconds(5), "round \(round)")
        }
    }

    @Test("Segments at the end of the address space, and thousands that are all of the file", .timeLimit(.minutes(1)))
    func segments() throws {
        let bytes = try Self.variant(["--target=x86_64-linux-gnu"] + Self.noTable)
        let inspector = Inspector(catalog: try .builtin)
        func number(_ place: Int, _ size: Int) -> UInt64 {
            (0..<size).reversed().reduce(0) { $0 << 8 | UInt64(bytes[place + $1]) }
        }
        func words(_ values: [UInt64]) -> [UInt8] {
            values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        }
        let (table, count) = (Int(number(32, 8)), Int(number(56, 2)))
        for top in [UInt64.max - 0x8000, UInt64.max, 1 << 63, 1 << 56] {
            var changed = bytes
            for index in 0..<count {
                let address = number(table + index * 56 + 16, 8)
                changed.replaceSubrange(
                    (table + index * 56 + 16)..<(table + index * 56 + 24), with: words([top &+ address]))
            }
            _ = try? inspector.searchLibraries(in: MemorySource(changed))
        }
        // 4096 program headers, each of all of 4 MB, once to read and once to run.
        var many = Array(bytes[0..<64]) + [UInt8](repeating: 0, count: 4 << 20)
        many.replaceSubrange(32..<40, with: words([64]))
        many.replaceSubrange(56..<58, with: [0, 0x10])
        let whole = UInt64(many.count)
        for index in 0..<4096 {
            let flags: UInt64 = index % 2 == 0 ? 4 : 5
            many.replaceSubrange(
                (64 + index * 56)..<(64 + index * 56 + 56), with: words([1 | flags << 32, 0, 0, 0, whole, whole, 8]))
        }
        let text = Array("boringssl/ssl/ssl_lib.cc\0".utf8)
        many.replaceSubrange((many.count - text.count)..<many.count, with: text)
        let took = try ContinuousClock().measure {
            _ = try inspector.searchLibraries(in: MemorySource(many))
        }
        #expect(took < .seconds(20))
    }
}
