import ArgumentParser
import Inspection
import OS
import TLSLibraries
import Tracing

struct TraceCommand: HostCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Stream server names as they are asked for.",
        discussion: """
            Rows begin when everything that runs is probed; the line "Tracing …" on standard error says so. Lists are \
            divided by commas, take shell globs, and !x excludes. What --pid, -c, -n, -p, -r and --scope leave out is not \
            probed; the other options leave out rows.
            """)

    @OptionGroup(title: "What") var target: TargetOptions
    @OptionGroup(title: "How") var output: OutputOptions
    @OptionGroup(title: "How") var libraries: CatalogOptions
    @OptionGroup(title: "Tracing") var stream: StreamOptions
    @OptionGroup(title: "Where") var host: HostOptions

    @Option(name: [.short, .long], help: ArgumentHelp("End after this time.", valueName: "seconds"))
    var timeout: Double?

    func validate() throws {
        if let timeout, !(timeout > 0 && timeout < 1e9) {
            throw ValidationError("--timeout takes seconds, more than 0.")
        }
    }

    func prepare() throws -> @Sendable () async throws -> Void {
        let selection = try target.selection()
        let catalog = try libraries.catalog()
        let inspector = try InspectorProcess(catalog)
        let destination = try stream.destination(standard: .standardOutput)
        try host.enter()
        // Paths are the host's from here on.
        let binaries = try target.binaries()
        return { try await run(selection, catalog, inspector, destination, binaries) }
    }

    private func run(
        _ selection: TargetSelection, _ catalog: LibraryCatalog, _ inspector: InspectorProcess,
        _ destination: OutputFile, _ binaries: [FileTarget]
    ) async throws {
        var options = SessionOptions(catalog: catalog)
        options.inspectorProcess = inspector
        options.cache = try libraries.cache(catalog)
        let pids = try selection.exactPids()
        if !binaries.isEmpty {
            options.target = .files(binaries)
            options.pids = pids
        } else if let pids {
            options.target = .processes(pids)
        }
        let runner = TraceRunner(target: selection, output: output, stream: stream, destination: destination)
        let timeout = timeout
        try await runner.run(options) { session in
            guard let timeout else { return }
            Task {
                try? await Task.sleep(for: .seconds(timeout))
                session.stop()
            }
        }
    }
}
