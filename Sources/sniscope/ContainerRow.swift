import Containers
import Rendering

/// A container as `containers` shows it.
struct ContainerRow: Sendable {
    enum Event: String, Sendable {
        /// It ran when the watch began.
        case present
        case start
        case stop
    }

    let container: Container
    /// nil where nothing is watched.
    var event: (kind: Event, timestamp: Int64)?
}

/// The fields of a container's row, in the order of the JSON keys: those of an event's container, and more.
enum ContainerSchema {
    /// - Parameters:
    ///   - forPeople: Columns sum up what JSON has in full.
    ///   - isWatching: Rows are events.
    static func make(forPeople: Bool, isWatching: Bool, nodeName: String) -> Schema<ContainerRow> {
        let shared =
            ContainerFields.kubernetes(nodeName: nodeName) { (row: ContainerRow) in row.container }
            + ContainerFields.runtime(nameInColumn: nil) { (row: ContainerRow) in row.container }
        return Schema(
            (isWatching ? eventFields(forPeople: forPeople) : [])
                + shared.map { arranged($0, forPeople: forPeople) } + (forPeople ? [pod] : [])
                + (isWatching ? [] : [running]) + ownFields(forPeople: forPeople),
            defaultColumns: (isWatching ? ["type"] : [])
                + [
                    "runtime.runtimeName", "runtime.containerName", "pod", "runtime.containerId",
                    "runtime.containerImageName", "runtime.containerPid", "startedAt",
                ].filter { forPeople || $0 != "pod" })
    }

    private static func eventFields(forPeople: Bool) -> [Field<ContainerRow>] {
        [
            Field("type", column: Column("event", heading: "EVENT", width: 7)) {
                $0.event.map { .string($0.kind.rawValue) }
            },
            Field("timestamp", column: Column("timestamp", heading: "TIMESTAMP", width: 30)) {
                $0.event.map { .string(Timestamp.text($0.timestamp)) }
            },
        ]
    }

    /// The shared fields with this table's columns.
    private static func arranged(_ field: Field<ContainerRow>, forPeople: Bool) -> Field<ContainerRow> {
        var field = field
        switch field.path {
        case "runtime.runtimeName":
            field.column = Column("runtimeName", heading: "RUNTIME", width: 14, minimumWidth: 7)
        case "runtime.containerName":
            field.column = Column(
                "containerName", heading: "CONTAINERNAME", width: 30, minimumWidth: 13, flexible: true,
                truncation: .end)
        case "runtime.containerId":
            return Field("runtime.containerId", column: Column("id", heading: "ID", width: 12)) {
                // Twelve digits tell containers apart on a screen; JSON has all.
                .string(forPeople ? $0.container.shortID : $0.container.id)
            }
        case "runtime.containerImageName":
            field.column = Column("image", heading: "IMAGE", width: 30, minimumWidth: 10, flexible: true)
        case "runtime.containerPid":
            field.column = Column("pid", heading: "PID", width: 10, minimumWidth: 7)
        default:
            break
        }
        return field
    }

    private static let pod = Field<ContainerRow>(
        "pod", column: Column("pod", heading: "POD", width: 24, minimumWidth: 8, flexible: true, presence: .onceFilled)
    ) { $0.container.kubernetes.map { .string("\($0.namespace)/\($0.podName)") } }

    private static let running = Field<ContainerRow>(
        "running", kind: .boolean, column: Column("running", heading: "RUNNING", width: 7)
    ) { .boolean($0.container.initPid != nil) }

    private static func ownFields(forPeople: Bool) -> [Field<ContainerRow>] {
        [
            Field("startedAt", column: Column("started", heading: "STARTED", width: 20)) {
                $0.container.startedAt.map { startedAt in
                    let text = Timestamp.text(startedAt)
                    return .string(forPeople ? text.prefix(19) + "Z" : text)
                }
            },
            Field("cgroup", column: Column("cgroup", heading: "CGROUP", width: 40, truncation: .start)) {
                $0.container.cgroupPath.map { .string($0) }
            },
            Field("bundle", column: Column("bundle", heading: "BUNDLE", width: 40, truncation: .start)) {
                $0.container.bundlePath.map { .string($0) }
            },
        ]
    }
}
