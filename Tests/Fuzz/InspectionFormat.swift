import ELFImage
import OS

@testable import Inspection
@testable import TLSLibraries

/// What the process that looks into files sends: one that a file has taken over may send anything.
enum InspectionFormat {
    static let format = Format(name: "inspection") {
        let bytes = try Files.read("\(Format.samples)/library", limit: 64 << 20)
        let report = try Inspector(catalog: .builtin).findLibraries(in: MemorySource(bytes))
        let replies: [InspectionReply] = [
            .report(report), .report(FileReport(empty: "x86_64")), .version("3.0"), .version(nil),
            .recall(try FileContents(of: try ELFImage(MemorySource(bytes)))), .openDebugFile("/usr/lib/debug/file"),
            .areThere(["/usr/lib/debug/a", "/b"]),
            .openNeeded("libcrypto.so.3"), .keep([1]), .failure(.unreadable(5, nil)), .recalled(report),
            .loaderFacts(try LoaderFacts(of: MemorySource(bytes))),
        ]
        let samples = replies.map { reply in
            BinarySample(bytes: reply.bytes, fields: reply.bytes.indices.map { Field(offset: $0, width: 1) })
        }
        return { choices in
            guard let sample = choices.element(of: samples) else { return }
            _ = InspectionReply(sample.edited(&choices))
        }
    }
}
