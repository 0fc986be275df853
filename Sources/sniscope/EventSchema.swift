import LibBPF
import OS
import Rendering
import Tracing

/// The fields of a server name event, in the order of the JSON keys. Names follow Inspektor Gadget's.
enum EventSchema {
    /// - Parameters:
    ///   - forPeople: Columns mark what JSON says in fields of its own: unreadable and cut names.
    ///   - isContainersAlone: Every row is a container's.
    static func make(
        forPeople: Bool, kubernetes: Bool, isContainersAlone: Bool, nodeName: String
    ) -> Schema<ServerNameEvent> {
        let schema = Schema(
            [timestamp]
                + containerFields(forPeople: forPeople, isNeeded: isContainersAlone, nodeName: nodeName)
                + processFields.map(\.shared) + nameFields(forPeople: forPeople)
                + libraryFields.map(\.shared) + [connection] + [Field("source") { _ in "uprobe" }.shared],
            defaultColumns: ["runtime.containerName", "proc.pid", "proc.tid", "proc.comm", "name", "library.kind"],
            sharing: { $0.origin })
        guard kubernetes else { return schema }
        return schema.arranged(
            defaultColumns: [
                "k8s.node", "k8s.namespace", "k8s.podName", "proc.pid", "proc.tid", "proc.comm", "name", "library.kind",
            ], widths: ["proc.tid": 9, "proc.comm": 9])
    }

    /// - Parameter isNeeded: Whether their columns are of use from the first row on.
    private static func containerFields(
        forPeople: Bool, isNeeded: Bool, nodeName: String
    ) -> [Field<ServerNameEvent>] {
        let fields: [Field<ServerNameEvent>] =
            ContainerFields.kubernetes(nodeName: nodeName, \.origin.container)
            + ContainerFields.runtime(
                nameInColumn: forPeople ? ContainerFields.qualifiedName : nil, \.origin.container)
        return fields.map { field in
            var field = field.shared
            if !isNeeded { field.column?.presence = .onceFilled }
            // They are there because the user wants them.
            if field.path.hasPrefix("k8s.") { field.column?.isNamed = true }
            return field
        }
    }

    private static let processFields: [Field<ServerNameEvent>] = [
        Field("proc.pid", kind: .integer, column: Column("pid", heading: "PID", width: 10, minimumWidth: 7)) {
            .number($0.origin.caller.pid)
        },
        Field(
            "proc.tid", kind: .integer,
            column: Column(
                "tid", heading: "TID", width: 10, minimumWidth: 7, presence: .onceUnlike("proc.pid"))
        ) {
            .number($0.origin.caller.tid)
        },
        Field("proc.comm", column: Column("comm", heading: "COMM", width: 16, minimumWidth: 8)) {
            .string($0.origin.caller.comm)
        },
        Field("proc.exe", column: Column("exe", heading: "EXE", width: 24, truncation: .start)) {
            $0.origin.caller.executable.isEmpty
                ? nil : .string(($0.origin.caller.isExecutableTruncated ? "…" : "") + $0.origin.caller.executable)
        },
        Field("proc.mntns_id", kind: .integer) { .number($0.origin.caller.mountNamespace) },
        Field("proc.creds.uid", kind: .integer, column: Column("uid", heading: "UID", width: 8)) {
            .number($0.origin.caller.uid)
        },
        Field("proc.creds.gid", kind: .integer, column: Column("gid", heading: "GID", width: 8)) {
            .number($0.origin.caller.gid)
        },
        // Inspektor Gadget has no names for these. In a container without a user namespace of its own they are the same.
        Field(
            "proc.creds.containerUid", kind: .integer,
            column: Column("cuid", heading: "CUID", width: 8, presence: .onceFilled)
        ) {
            $0.origin.caller.innerUID == $0.origin.caller.uid ? nil : .number($0.origin.caller.innerUID)
        },
        Field(
            "proc.creds.containerGid", kind: .integer,
            column: Column("cgid", heading: "CGID", width: 8, presence: .onceFilled)
        ) {
            $0.origin.caller.innerGID == $0.origin.caller.gid ? nil : .number($0.origin.caller.innerGID)
        },
        Field("proc.parent.pid", kind: .integer, column: Column("ppid", heading: "PPID", width: 10)) {
            .number($0.origin.caller.parentPID)
        },
        Field("proc.parent.comm", column: Column("pcomm", heading: "PCOMM", width: 16)) {
            .string($0.origin.caller.parentComm)
        },
        Field("netns_id", kind: .integer) { .number($0.origin.caller.networkNamespace) },
    ]

    private static func nameFields(forPeople: Bool) -> [Field<ServerNameEvent>] {
        [
            Field(
                "name",
                column: Column(
                    "name", heading: "NAME", width: 30, minimumWidth: 16, flexible: true, isKeptWhole: true)
            ) { event in
                guard let name = event.name else { return forPeople ? "(unreadable)" : nil }
                return .string(forPeople && event.isNameTruncated ? name + "…" : name)
            },
            Field("nameTruncated", kind: .boolean) { $0.isNameTruncated ? true : nil },
            Field("nameUnreadable", kind: .boolean) { $0.name == nil ? true : nil },
        ]
    }

    private static let libraryFields: [Field<ServerNameEvent>] = [
        Field("library.kind", column: Column("library", heading: "LIBRARY", width: 10, minimumWidth: 7)) {
            .string($0.origin.library.kind)
        },
        Field("library.version", column: Column("version", heading: "VERSION", width: 10)) {
            $0.origin.library.version.map { .string($0) }
        },
        Field("library.path", column: Column("path", heading: "PATH", width: 40, truncation: .start)) {
            .string($0.origin.library.path)
        },
        Field("library.buildId") { $0.origin.library.buildID.map { .string($0) } },
        Field("library.function", column: Column("function", heading: "FUNCTION", width: 26)) {
            .string($0.origin.library.function)
        },
        Field("library.located", column: Column("located", heading: "LOCATED", width: 10)) {
            .string($0.origin.library.located)
        },
    ]

    private static let timestamp = Field<ServerNameEvent>("timestamp") { event, text in
        Timestamp.append(event.timestamp, to: &text)
        return true
    }

    /// In 16 hexadecimal digits.
    private static let connection = Field<ServerNameEvent>(
        "connection", column: Column("connection", heading: "CONNECTION", width: 16)
    ) { event, text in
        guard let connection = event.connection else { return false }
        for place in (0..<16).reversed() {
            let digit = UInt8(truncatingIfNeeded: connection >> (4 * UInt64(place)) & 15)
            text.append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
        }
        return true
    }
}
