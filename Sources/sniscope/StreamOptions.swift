public import ArgumentParser
public import LibBPF
import OS
import Rendering

extension UprobeMethod: ExpressibleByArgument {}

/// `[how]` of the commands that trace.
struct StreamOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Server names to show; globs, !x excludes. The kernel drops the others where globs are x, x* or *x.",
            valueName: "list"))
    var name: [String] = []

    @Option(help: ArgumentHelp("End after this many events.", valueName: "n"))
    var count: Int?

    @Flag(name: .customLong("k8s"), help: "Show the Kubernetes columns.")
    var kubernetes = false

    @Flag(help: "Show each container, process and name once.")
    var unique = false

    @Flag(name: .short, help: "Do not write what is traced at the start, nor the summary.")
    var quiet = false

    @Flag(name: .short, help: "Write each file that is probed, and where, and each that can't be traced, and why.")
    var verbose = false

    @Option(
        help: ArgumentHelp(
            "Append to this file (a new one has mode 0600); SIGHUP opens it anew, after it was renamed.",
            valueName: "path"))
    var outputFile: String?

    @Option(
        help: ArgumentHelp(
            "Files that are never probed, by the paths that processes see; globs.", valueName: "list"))
    var excludeBinary: [String] = []

    @Option(help: ArgumentHelp("How to attach; without it, the best that the kernel has.", valueName: "multi|perf"))
    var attach: UprobeMethod?

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count takes a number from 1 on, not \(count).") }
    }

    /// - Parameter standard: Where rows go without `--output-file`.
    func destination(standard: OutputFile) throws -> OutputFile {
        switch outputFile {
        case nil: standard
        // Links, which are not followed, to what is open already.
        case "/dev/stdout": .standardOutput
        case "/dev/stderr": .standardError
        case let path?: try OutputFile(appendingTo: path)
        }
    }
}
