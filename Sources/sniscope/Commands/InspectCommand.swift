import ArgumentParser
import Containers
import ELFImage
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

    @OptionGroup var libraries: CatalogOptions

    func run() throws {
        let inspector = Inspector(catalog: try libraries.catalog())
        let target = try FileTarget(argument: file, of: "inspect")
        var containers: [Container] = []
        if case .container = target { containers = ContainerSnapshot().containers }
        let report: FileReport
        do {
            report = try FileTarget.answering(file) { [file, containers] in
                let (opened, openNeeded) = try Self.open(target, in: containers, shownAs: file)
                return try inspector.inspect(opened, openNeeded: openNeeded)
            }
        } catch let error as ELFError {
            throw CommandFailure("cannot inspect \(file): \(error)")
        }
        var bytes: [UInt8] = []
        if output == .columns {
            bytes = Array(ReportText.lines(file, report).map { $0.escapedForTerminal + "\n" }.joined().utf8)
        } else {
            ReportValue.of(path: file, report).append(to: &bytes, style: output.objectStyle)
        }
        try OutputFile.standardOutput.writeUnlessClosed(bytes)
    }

    /// - Returns: The file, and a function that opens libraries beside it.
    private static func open(
        _ target: FileTarget, in containers: [Container], shownAs file: String
    ) throws -> (RegularFile, (String) -> RegularFile?) {
        switch target {
        case .host(let path):
            return (try RegularFile(path: path), Siblings.opener(of: path))
        case .container(let target):
            let opened = try target.open(in: containers)
            guard opened.count == 1, let only = opened.first else {
                let names = opened.map { "\($0.container.name) (\($0.container.id.prefix(12)))" }
                throw CommandFailure(
                    "\(file) is in \(opened.count) containers: \(names.joined(separator: ", ")); name one of them")
            }
            return (only.file, Siblings.opener(of: target.path, only.open))
        }
    }
}

/// A report in words.
private enum ReportText {
    static func lines(_ path: String, _ report: FileReport) -> [String] {
        let buildID = report.buildID.map { "build ID \($0)" } ?? "no build ID"
        guard !report.libraries.isEmpty else {
            return [
                "\(path): \(report.machine)",
                "  no TLS library: the file defines none of the functions that take a server name",
            ]
        }
        var lines = ["\(path): \(report.machine), \(buildID)"]
        for library in report.libraries {
            lines.append("  " + library.title)
            for place in library.functions {
                lines.append(
                    "    \(place.function) at file offset \(hexadecimal(place.fileOffset)), by \(place.located)")
                let reason = place.placement ?? "the function's first instruction"
                lines.append("      probe at \(hexadecimal(place.probeOffset)): \(reason)")
            }
            if let reason = library.reason { lines.append("    not traced: \(reason)") }
        }
        return lines
    }

    private static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

extension FoundLibrary {
    /// "OpenSSL 3.0.22".
    var title: String { version.map { "\(kind) \($0)" } ?? kind }
}
