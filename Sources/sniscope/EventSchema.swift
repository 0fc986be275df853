import LibBPF
import OS
import Rendering
import Tracing

/// The fields of a server name event, in the order of the JSON keys. Names follow Inspektor Gadget's.
enum EventSchema {
    /// - Parameter forPeople: Columns mark what JSON says in fields of its own: unreadable and cut names.
    static func make(forPeople: Bool, kubernetes: Bool, nodeName: String) -> Schema<ServerNameEvent> {
        let schema = Schema(
            [Field("timestamp") { .string(Timestamp.text($0.timestamp)) }]
                + ContainerFields.kubernetes(nodeName: nodeName, \.container)
                + ContainerFields.runtime(nameInColumn: forPeople ? ContainerFields.qualifiedName : nil, \.container)
                + processFields + nameFields(forPeople: forPeople)
                + libraryFields,
            defaultColumns: ["runtime.containerName", "proc.pid", "proc.tid", "proc.comm", "name", "library.kind"])
        guard kubernetes else { return schema }
        return schema.arranged(
            defaultColumns: [
                "k8s.node", "k8s.namespace", "k8s.podName", "proc.pid", "proc.tid", "proc.comm", "name", "library.kind",
            ], widths: ["proc.tid": 9, "proc.comm": 9])
    }

    private static let processFields: [Field<ServerNameEvent>] = [
        Field("proc.pid", kind: .integer, column: Column("pid", heading: "PID", width: 10, minimumWidth: 7)) {
            .number($0.record.pid)
        },
        Field("proc.tid", kind: .integer, column: Column("tid", heading: "TID", width: 10, minimumWidth: 7)) {
            .number($0.record.tid)
        },
        Field("proc.comm", column: Column("comm", heading: "COMM", width: 16, minimumWidth: 8)) {
            .string($0.record.comm)
        },
        Field("proc.exe", column: Column("exe", heading: "EXE", width: 24, truncation: .start)) {
            $0.record.executable.isEmpty
                ? nil : .string(($0.record.isExecutableTruncated ? "…" : "") + $0.record.executable)
        },
        Field("proc.mntns_id", kind: .integer) { .number($0.record.mountNamespace) },
        Field("proc.creds.uid", kind: .integer, column: Column("uid", heading: "UID", width: 8)) {
            .number($0.record.uid)
        },
        Field("proc.creds.gid", kind: .integer, column: Column("gid", heading: "GID", width: 8)) {
            .number($0.record.gid)
        },
        // Inspektor Gadget has no names for these. In a container without a user namespace of its own they are the same.
        Field("proc.creds.containerUid", kind: .integer, column: Column("cuid", heading: "CUID", width: 8)) {
            $0.record.innerUID == $0.record.uid ? nil : .number($0.record.innerUID)
        },
        Field("proc.creds.containerGid", kind: .integer, column: Column("cgid", heading: "CGID", width: 8)) {
            $0.record.innerGID == $0.record.gid ? nil : .number($0.record.innerGID)
        },
        Field("proc.parent.pid", kind: .integer, column: Column("ppid", heading: "PPID", width: 10)) {
            .number($0.record.parentPID)
        },
        Field("proc.parent.comm", column: Column("pcomm", heading: "PCOMM", width: 16)) {
            .string($0.record.parentComm)
        },
        Field("netns_id", kind: .integer) { .number($0.record.networkNamespace) },
    ]

    private static func nameFields(forPeople: Bool) -> [Field<ServerNameEvent>] {
        [
            Field("name", column: Column("name", heading: "NAME", width: 30, minimumWidth: 16, flexible: true)) {
                event in
                guard let name = event.record.name else { return forPeople ? "(unreadable)" : nil }
                return .string(forPeople && event.record.isNameTruncated ? name + "…" : name)
            },
            Field("nameTruncated", kind: .boolean) { $0.record.isNameTruncated ? true : nil },
            Field("nameUnreadable", kind: .boolean) { $0.record.name == nil ? true : nil },
        ]
    }

    private static let libraryFields: [Field<ServerNameEvent>] = [
        Field("library.kind", column: Column("library", heading: "LIBRARY", width: 10, minimumWidth: 7)) {
            .string($0.library.kind)
        },
        Field("library.version", column: Column("version", heading: "VERSION", width: 10)) {
            $0.library.version.map { .string($0) }
        },
        Field("library.path", column: Column("path", heading: "PATH", width: 40, truncation: .start)) {
            .string($0.library.path)
        },
        Field("library.buildId") { $0.library.buildID.map { .string($0) } },
        Field("library.function", column: Column("function", heading: "FUNCTION", width: 26)) {
            .string($0.library.function)
        },
        Field("library.located", column: Column("located", heading: "LOCATED", width: 10)) {
            .string($0.library.located)
        },
        Field("connection", column: Column("connection", heading: "CONNECTION", width: 16)) {
            $0.connection.map { .string($0) }
        },
        Field("source") { _ in "uprobe" },
    ]
}
