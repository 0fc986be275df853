import ArgumentParser
import Inspection
import OS

/// Shows, live, which TLS server names processes and containers ask for.
@main
struct Sniscope: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sniscope",
        abstract: "Show which hosts apps and containers talk TLS to.",
        discussion: """
            sniscope reads server names from the TLS libraries' own calls, with eBPF uprobes, before anything is \
            encrypted. `sniscope trace` shows them as they are asked for.
            """,
        version: "sniscope 0.1.0",
        subcommands: [
            TraceCommand.self, ListCommand.self, InspectCommand.self, ContainersCommand.self, RunCommand.self,
            DoctorCommand.self,
        ])

    static func main() async {
        Signals.ignoreClosedPipes()
        if InspectionServer.isRequested(CommandLine.arguments) { return InspectionServer.run() }
        // Up to the first `await` this is the only thread.
        WorkerProcess.begin()
        do {
            var command = try parseAsRoot()
            if let command = command as? any HostCommand {
                let work = try command.prepare()
                try Privileges.confine()
                try await work()
            } else if var command = command as? any AsyncParsableCommand {
                try Privileges.dropUnused()
                try await command.run()
            } else {
                try Privileges.confine()
                try command.run()
            }
        } catch {
            exit(reporting: error)
        }
    }
}
