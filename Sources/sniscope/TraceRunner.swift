import LibBPF
import OS
import Rendering
import Tracing

/// A tracing session from its start to its exit status, as `trace` and `run` need it.
struct TraceRunner {
    let target: TargetSelection
    let output: OutputOptions
    let stream: StreamOptions
    let destination: OutputFile
    /// Of `run`; nil for `trace`.
    var command: ChildCommand?

    /// - Parameters:
    ///   - options: What to trace; the filters of `target` are added.
    ///   - whenReady: Called once, when everything that runs is probed.
    /// - Throws: what the session throws, and what the output does.
    func run(_ options: SessionOptions, whenReady: @escaping @Sendable (TracingSession) -> Void) async throws {
        var options = options
        options.containers = target.containerFilter
        options.isWantedProcess = target.processFilter
        options.comms = target.comms.exactNames
        options.uids = target.uids.exactNames?.compactMap { UInt32($0) }
        options.method = stream.attach
        let excluded = try Selection(stream.excludeBinary, option: "--exclude-binary")
        if !excluded.isEmpty { options.isExcluded = { excluded.matches($0) } }
        let names = try Selection(stream.name, option: "--name", ignoringCase: true)
        options.names = NameSieve(names)
        let printer = try makePrinter(names)

        let session = try TracingSession(options: options)
        // A command keeps what it was started with: a hang-up that nohup ignores.
        try Signals.handle(alsoIgnoredHangUp: command == nil && destination.canReopen) {
            [command, destination] signal in
            if signal == Signals.hangUp, destination.canReopen {
                Self.reopen(destination)
            } else if let command {
                command.forward(signal)
            } else {
                session.stop()
            }
        }
        // A command goes on, read or not.
        if command == nil { try destination.whenClosed { session.stop() } }
        let (ended, failure) = try await session.report(into: (printer, nil as SystemError?)) { state, batch in
            if state.0.isDone || state.1 != nil { return }
            do throws(SystemError) {
                try state.0.write(batch)
            } catch {
                state.1 = error
            }
            if batch.contains(where: \.isReady) { whenReady(session) }
            if state.0.isDone || state.1 != nil { session.stop() }
        }
        // The summary first: closing can wait for a traced process.
        let summary = Result { try session.summary() }
        if !stream.quiet, case .success(let summary) = summary { ErrorOutput.print(ended.line(summary)) }
        reportHolders(session.close())
        CatalogOptions.keep(options.cache)
        if let failure { throw failure }
        _ = try summary.get()
    }

    /// After a rotation of logs, which renames the file.
    private static func reopen(_ destination: OutputFile) {
        do throws(SystemError) {
            try destination.reopen()
        } catch {
            ErrorOutput.print("\(error); rows still go to the file that was opened before")
        }
    }

    private func makePrinter(_ names: Selection) throws -> EventPrinter {
        let schema = EventSchema.make(
            forPeople: output.output == .columns,
            kubernetes: stream.kubernetes || target.namespaces.hasInclusions || target.podNames.hasInclusions,
            isContainersAlone: !target.includesHost,
            nodeName: Environment["NODE_NAME"] ?? Host.name)
        let filter = try Filter(output.filter, schema: schema)
        let rows = try RowWriter(
            output.output, selection: output.selection(schema),
            terminal: output.terminal(of: destination))
        let target = target
        let isWanted: ((ServerNameEvent) -> Bool)? =
            names.isEmpty && filter.isEmpty
            ? nil : { (names.isEmpty || names.matches($0.name ?? "")) && filter.matches($0) }
        return EventPrinter(
            settings: EventPrinter.Settings(
                format: output.output, writesHeading: !output.noHeader, isUnique: stream.unique, count: stream.count,
                isQuiet: stream.quiet, isVerbose: stream.verbose, beginsBeforeCalls: command != nil,
                isOriginWanted: { target.matches($0.container) && target.matches($0.caller) }, isWanted: isWanted),
            rows: rows, destination: destination)
    }

    private func reportHolders(_ closed: (unclosed: Int, holders: [UInt32])) {
        guard closed.unclosed > 0 else { return }
        let probes = counted(closed.unclosed, "probe")
        guard !closed.holders.isEmpty else {
            // Nobody is waited for: the kernel is slow, as on a busy or emulated machine.
            ErrorOutput.print("the kernel is still removing \(probes); they go by themselves")
            return
        }
        let pids = closed.holders.map(String.init).joined(separator: ", ")
        ErrorOutput.print(
            "\(probes) can't be removed yet: the kernel waits for process \(pids), "
                + "whose memory does not answer; they go when it does or ends")
    }
}

extension NameSieve {
    /// - Parameter names: What decides again about each name that passes.
    init?(_ names: Selection) {
        let shapes = names.shapes
        self.init(
            included: shapes.included.map { $0.flatMap(Pattern.init) },
            excluded: shapes.excluded.map { $0.flatMap(Pattern.init) })
    }
}

extension NameSieve.Pattern {
    fileprivate init?(_ shape: Glob.Shape) {
        switch shape {
        case .exact(let text): self.init(text, at: .whole)
        case .prefix(let text): self.init(text, at: .beginning)
        case .suffix(let text): self.init(text, at: .end)
        }
    }
}
