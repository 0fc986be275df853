import ArgumentParser
import Containers
import Inspection
import OS
import Rendering
import TLSLibraries
import Tracing

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show where sniscope would attach in a file, and why there.")

    @Argument(
        help: "An ELF file: a library or a program, for x86-64 or arm64. CONTAINER:/PATH is one in a running container."
    )
    var file: String

    @Option(name: [.short, .long], help: "Output format.")
    var output: OutputFormat = .columns

    @Flag(name: [.short, .long], help: "Say what tells that a function is the one.")
    var verbose = false

    @OptionGroup var libraries: CatalogOptions

    func run() throws {
        let catalog = try libraries.catalog()
        let inspector = try FileInspector(catalog: catalog, cache: try libraries.cache(catalog))
        let target = try FileTarget(argument: file, of: "inspect")
        var containers: [Container] = []
        if case .container = target { containers = ContainerSnapshot().containers }
        let report: FileReport
        do {
            report = try FileTarget.answering(file) { [file, containers] in
                let opened = try Self.open(target, in: containers, shownAs: file)
                return try inspector.inspect(
                    opened.file, path: opened.path, openNeeded: Siblings.opener(of: opened.path, opened.open))
            }
        } catch let error as InspectionError {
            throw CommandFailure("cannot inspect \(file): \(error)")
        }
        var bytes: [UInt8] = []
        if output == .columns {
            bytes = Array(
                ReportText(path: file, report: report, isVerbose: verbose).lines.map { $0.escapedForTerminal + "\n" }
                    .joined().utf8)
        } else {
            ReportValue.of(path: file, report).append(to: &bytes, style: output.objectStyle)
        }
        try OutputFile.standardOutput.writeUnlessClosed(bytes)
    }

    /// - Returns: The file, its path in its own system, and a function that opens others there.
    private static func open(
        _ target: FileTarget, in containers: [Container], shownAs file: String
    ) throws -> (file: RegularFile, path: String, open: (String) -> RegularFile?) {
        switch target {
        case .host(let path):
            return (try RegularFile(path: path), path.contains("/") ? path : "./" + path, Siblings.host)
        case .container(let target):
            let opened = try target.open(in: containers)
            guard opened.count == 1, let only = opened.first else {
                let names = opened.map { "\($0.container.name) (\($0.container.id.prefix(12)))" }
                throw CommandFailure(
                    "\(file) is in \(opened.count) containers: \(names.joined(separator: ", ")); name one of them")
            }
            return (only.file, target.path, only.open)
        }
    }
}

/// A report in words.
private struct ReportText {
    let path: String
    let report: FileReport
    let isVerbose: Bool

    var lines: [String] {
        guard !report.libraries.isEmpty else {
            return [
                "\(path): \(report.machine)",
                "  no TLS library: nothing in it takes a server name, as far as is known",
            ]
        }
        let buildID = report.buildID.map { "build ID \($0)" } ?? "no build ID"
        return ["\(path): \(report.machine), \(buildID)\(report.isStripped ? ", stripped" : "")"]
            + report.libraries.flatMap(lines)
    }

    private func lines(_ library: FoundLibrary) -> [String] {
        var lines = ["  \(library.title)\(library.isStatic && !library.functions.isEmpty ? ", linked in" : "")"]
        for place in library.functions {
            lines.append("    \(place.function) at file offset \(hexadecimal(place.fileOffset)), by \(place.located)")
            if isVerbose { lines += place.evidence.map { "      \($0)" } }
            let reason = place.placement ?? "the function's first instruction"
            lines.append("      probe at \(hexadecimal(place.probeOffset)): \(reason), \(place.instruction)")
        }
        if let reason = library.reason { lines.append("    not traced: \(reason)") }
        return lines
    }

    private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

extension FoundLibrary {
    /// "OpenSSL 3.0.22".
    var title: String { version.map { "\(kind) \($0)" } ?? kind }
}
