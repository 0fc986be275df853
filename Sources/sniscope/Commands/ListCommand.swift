import ArgumentParser
import Containers
import Inspection
import OS
import Processes
import Rendering
import TLSLibraries
import Tracing

struct ListCommand: HostCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List discovered TLS libraries: where, which version, who uses them, traced or not.")

    @OptionGroup(title: "What") var target: TargetOptions
    @OptionGroup(title: "How") var output: OutputOptions
    @OptionGroup(title: "How") var libraries: CatalogOptions
    @OptionGroup(title: "Where") var host: HostOptions

    func prepare() throws -> @Sendable () async throws -> Void {
        let catalog = try libraries.catalog()
        let inspector = try InspectorProcess(catalog)
        try host.enter()
        return { try run(catalog, inspector) }
    }

    private func run(_ catalog: LibraryCatalog, _ inspector: InspectorProcess) throws {
        let selection = try target.selection()
        let schema = ListSchema.make(forPeople: output.output == .columns)
        let filter = try Filter(output.filter, schema: schema)
        let standardOutput = OutputFile.standardOutput
        let rows = try RowWriter(
            output.output, selection: output.selection(schema),
            terminal: output.terminal(of: standardOutput))
        let binaries = try target.binaries()
        let cache = try libraries.cache(catalog)
        let list = try LibraryList(
            FileInspector(catalog: catalog, cache: cache, process: inspector), pids: selection.exactPids(),
            files: binaries.isEmpty ? nil : binaries)

        var bytes: [UInt8] = []
        let files = list.files.compactMap(selection.narrowed).filter(filter.matches)
        rows.append(all: files, hasHeading: !output.noHeader, to: &bytes)
        try standardOutput.writeUnlessClosed(bytes)
        for refusal in list.refusals {
            ErrorOutput.print(
                "\(counted(refusal.pids.count, "process", "processes")) can't be looked into: \(refusal.error.reason)")
        }
        for error in list.unreadable { ErrorOutput.print("not inspected: \(error)") }
        CatalogOptions.keep(cache)
    }
}

extension TargetSelection {
    /// The file with those of its users that are wanted; nil where there are none.
    fileprivate func narrowed(_ file: ListedFile) -> ListedFile? {
        let users = file.users.filter { user in
            matches(user.container) && matches(pid: user.pid, comm: user.comm, uid: user.uid)
        }
        return users.isEmpty ? nil : file.with(users: users)
    }
}

/// The fields of a listed file.
private enum ListSchema {
    /// - Parameter forPeople: Columns sum up what JSON lists.
    static func make(forPeople: Bool) -> Schema<ListedFile> {
        Schema(
            [
                Field(
                    "path",
                    column: Column(
                        "path", heading: "PATH", width: 44, minimumWidth: 16, flexible: true, truncation: .start)
                ) { .string($0.path + ($0.isDeleted && forPeople ? " (deleted)" : "")) },
                Field("deleted", kind: .boolean) { $0.isDeleted ? true : nil },
                Field("buildId", column: Column("buildId", heading: "BUILDID", width: 12, minimumWidth: 8)) {
                    // Twelve digits tell files apart on a screen; JSON has all.
                    $0.report.buildID.map { .string(forPeople ? String($0.prefix(12)) : $0) }
                },
                Field("machine") { .string($0.report.machine) },
                Field("stripped", kind: .boolean) { $0.report.isStripped ? .boolean(true) : nil },
                Field(
                    "libraries", kind: forPeople ? .string : .composite,
                    column: Column("library", heading: "LIBRARY", width: 18, minimumWidth: 10)
                ) { file in
                    forPeople
                        ? .string(file.report.libraries.map(\.title).joined(separator: ", "))
                        : ReportValue.libraries(file.report)
                },
                Field(
                    "processes", kind: forPeople ? .string : .composite,
                    column: Column("processes", heading: "PROCESSES", width: 24, minimumWidth: 9, flexible: true)
                ) { forPeople ? .string($0.processSummary) : $0.processList },
                Field(
                    "containers", kind: forPeople ? .string : .composite,
                    column: Column("containers", heading: "CONTAINERS", width: 20, minimumWidth: 8, flexible: true)
                ) { forPeople ? .string($0.containerSummary) : $0.containerList },
                Field(
                    "traced", kind: forPeople ? .string : .boolean,
                    column: Column("traced", heading: "TRACED", width: 6, minimumWidth: 6)
                ) { forPeople ? .string($0.reason.map { "no: \($0)" } ?? "yes") : .boolean($0.reason == nil) },
                Field("reason") { $0.reason.map { .string($0) } },
            ],
            defaultColumns: ["libraries", "path", "buildId", "processes", "containers", "traced"])
    }
}

extension ListedFile {
    /// "3: curl(7), wget(8), …".
    fileprivate var processSummary: String {
        "\(users.count): " + users.map { "\($0.comm)(\($0.pid))" }.joined(separator: ",")
    }

    fileprivate var containerSummary: String {
        containers.isEmpty ? "" : "\(containers.count): " + containers.map(\.name).joined(separator: ",")
    }

    fileprivate var processList: Value {
        .array(users.map { .object(["pid": .number($0.pid), "comm": .string($0.comm)]) })
    }

    fileprivate var containerList: Value {
        .array(
            containers.map {
                .object([
                    "runtimeName": .string($0.runtime.rawValue), "containerName": .string($0.name),
                    "containerId": .string($0.id), "uid": $0.uid.map { .number($0) },
                ])
            })
    }
}
