import ArgumentParser
import Containers
import OS
import Rendering
import Tracing

struct ContainersCommand: HostCommand {
    static let configuration = CommandConfiguration(
        commandName: "containers", abstract: "List the containers of all runtimes; with -w, as they start and stop.")

    @OptionGroup(title: "What") var target: ContainerOptions
    @OptionGroup(title: "How") var output: OutputOptions
    @OptionGroup(title: "Where") var host: HostOptions

    @Flag(name: [.short, .long], help: "Those that do not run, too.")
    var all = false

    @Flag(name: [.short, .long], help: "Go on with those that start and stop.")
    var watch = false

    @Option(name: [.short, .long], help: ArgumentHelp("With -w: end after this time.", valueName: "seconds"))
    var timeout: Double?

    @Option(help: ArgumentHelp("With -w: end after this many starts and stops.", valueName: "n"))
    var count: Int?

    func validate() throws {
        if all && watch { throw ValidationError("--all and --watch don't go together: what starts and stops runs.") }
        guard watch || (timeout == nil && count == nil) else {
            throw ValidationError("--timeout and --count say when --watch ends: give that, too.")
        }
        if let timeout, !(timeout > 0 && timeout < 1e9) {
            throw ValidationError("--timeout takes seconds, more than 0.")
        }
        if let count, count < 1 { throw ValidationError("--count takes a number from 1 on, not \(count).") }
    }

    func prepare() throws -> @Sendable () async throws -> Void {
        try host.enter()
        let selection = try TargetSelection(target)
        let schema = ContainerSchema.make(
            forPeople: output.output == .columns, isWatching: watch, nodeName: Environment["NODE_NAME"] ?? Host.name)
        let standardOutput = OutputFile.standardOutput
        let printer = try ContainerPrinter(
            selection: selection, filter: Filter(output.filter, schema: schema), format: output.output,
            rows: RowWriter(
                output.output, selection: output.selection(schema),
                terminal: output.terminal(of: standardOutput)),
            hasHeading: !output.noHeader)
        return { [watch] in
            if watch { try follow(printer) } else { try list(printer) }
        }
    }

    private func list(_ printer: ContainerPrinter) throws {
        let listing = ContainerRuntimes.discover().listWithUnlisted()
        var printer = printer
        let shown = listing.containers.filter { all || $0.initPid != nil }
        printer.add(all: shown.map { ContainerRow(container: $0) })
        try printer.flush()
        ContainerPrinter.report(listing.failures)
    }

    private func follow(_ printer: ContainerPrinter) throws {
        let watch = try ContainerWatch()
        let stop = watch.stop
        try Signals.handle { _ in stop() }
        try OutputFile.standardOutput.whenClosed(stop)
        if let timeout {
            Task {
                try? await Task.sleep(for: .seconds(timeout))
                stop()
            }
        }
        var printer = printer
        let now = Clock.realtime
        printer.begin(with: watch.present.map { ContainerRow(container: $0, event: (.present, now)) })
        try printer.flush()
        ContainerPrinter.report(watch.failures)
        var left = count ?? .max
        try watch.run { items in
            for item in items where left > 0 {
                if printer.add(item) { left -= 1 }
            }
            try printer.flush()
            return left > 0 && !printer.isClosed
        }
    }
}
