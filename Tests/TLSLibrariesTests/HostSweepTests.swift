import ELFImage
import Foundation
import OS
import TLSLibraries
import Testing

/// All programs and libraries of this host: a rule must not fit what it was not made for.
@Suite("Every file of this host")
struct HostSweepTests {
    /// What a file must hold for a library to be found in it by what its functions contain.
    private static let evidence: [String: [String]] = [
        "BoringSSL": ["ssl/ssl_lib.c"], "OpenSSL": ["ssl/s3_lib.c"], "BusyBox TLS": ["'server hello done'"],
    ]

    @Test("No function is found by its contents in a file that holds nothing of the library")
    func sweep() throws {
        let inspector = Inspector(catalog: try .builtin)
        var count = 0
        var hits: [String] = []
        for path in Self.files() {
            guard let source = try? RegularFile(path: path),
                let report = try? inspector.inspect(source, openNeeded: { _ in nil })
            else { continue }
            count += 1
            for library in report.libraries {
                for point in library.functions where point.located.rawValue == "anchor" {
                    hits.append("\(library.kind) \(point.function) in \(path)")
                    let texts = Self.evidence[library.kind] ?? []
                    let data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
                    #expect(
                        texts.contains { data.range(of: Data($0.utf8)) != nil },
                        "\(path): \(point.function) of \(library.kind) at 0x\(String(point.address, radix: 16))")
                }
                // Two functions of one kind, each for sure, are no contradiction; many are a rule that fits anything.
                #expect(library.functions.count <= 8, "\(path)")
            }
        }
        print("\(count) ELF files, \(hits.count) found by contents:\n\(hits.joined(separator: "\n"))")
        #expect(count > 100)
        if FileManager.default.fileExists(atPath: "/usr/bin/busybox") {
            #expect(hits.contains { $0.hasPrefix("BusyBox TLS ") })
        }
    }

    /// Regular files, each once: links lead to files that are in the folders too.
    private static func files() -> [String] {
        let folders = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec"]
        let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey]
        return folders.flatMap { folder in
            let listing = FileManager.default.enumerator(at: URL(filePath: folder), includingPropertiesForKeys: keys)
            return (listing?.compactMap { $0 as? URL } ?? []).filter { url in
                guard let values = try? url.resourceValues(forKeys: Set(keys)) else { return false }
                return values.isRegularFile == true && (values.fileSize ?? 0) > 4096 && hasMagic(url)
            }.map(\.path)
        }
    }

    private static func hasMagic(_ url: URL) -> Bool {
        guard let file = try? FileHandle(forReadingFrom: url) else { return false }
        defer { try? file.close() }
        return (try? file.read(upToCount: 4)) == Data([0x7f, 0x45, 0x4c, 0x46])
    }
}
