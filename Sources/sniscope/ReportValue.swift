import Rendering
import TLSLibraries

/// The report on a file as an object, for `inspect` and `list` alike.
enum ReportValue {
    static func of(path: String, _ report: FileReport) -> Value {
        .object([
            "path": .string(path), "buildId": report.buildID.map { .string($0) },
            "machine": .string(report.machine), "stripped": report.isStripped ? .boolean(true) : nil,
            "libraries": libraries(report),
        ])
    }

    static func libraries(_ report: FileReport) -> Value {
        .array(
            report.libraries.map { library in
                .object([
                    "kind": .string(library.kind), "version": library.version.map { .string($0) },
                    "static": library.isStatic && !library.functions.isEmpty ? .boolean(true) : nil,
                    "functions": .array(library.functions.map(function)),
                    "reason": library.reason.map { .string($0) },
                ])
            })
    }

    private static func function(_ place: AttachPoint) -> Value {
        .object([
            "function": .string(place.function), "fileOffset": .number(place.fileOffset),
            "probeOffset": .number(place.probeOffset), "instruction": .string(place.instruction),
            "located": .string(place.located.rawValue),
            "evidence": place.evidence.isEmpty ? nil : .array(place.evidence.map { .string($0) }),
        ])
    }
}
