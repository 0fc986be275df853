import Foundation

/// A line of `trace -o json`.
struct Event: Decodable, Sendable {
    struct Kubernetes: Decodable, Sendable {
        let node: String
        let namespace: String
        let podName: String
        let containerName: String
    }

    struct Runtime: Decodable, Sendable {
        let runtimeName: String
        let containerName: String
        let containerId: String
        let containerPid: Int32?
        let containerImageName: String?
        let uid: UInt32?
    }

    struct Proc: Decodable, Sendable {
        let pid: Int32
        let tid: Int32
        let comm: String
        let exe: String
        let mountNamespace: UInt64
        let creds: Credentials
        let parent: Parent

        enum CodingKeys: String, CodingKey {
            case pid, tid, comm, exe, creds, parent
            case mountNamespace = "mntns_id"
        }
    }

    struct Credentials: Decodable, Sendable {
        let uid: UInt32
        let gid: UInt32
        let containerUid: UInt32?
        let containerGid: UInt32?
    }

    struct Parent: Decodable, Sendable {
        let pid: Int32
        let comm: String
    }

    struct Library: Decodable, Sendable {
        let kind: String
        let version: String?
        let path: String
        let buildId: String?
        let function: String
        let located: String
    }

    let timestamp: String
    let k8s: Kubernetes?
    let runtime: Runtime?
    let proc: Proc
    let networkNamespace: UInt64
    let name: String?
    let nameTruncated: Bool?
    let nameUnreadable: Bool?
    let library: Library
    let connection: String?
    let source: String

    enum CodingKeys: String, CodingKey {
        case timestamp, k8s, runtime, proc, name, nameTruncated, nameUnreadable, library, connection, source
        case networkNamespace = "netns_id"
    }

    /// The events among the lines; others tell what was lost.
    static func all(_ lines: [String]) throws -> [Event] {
        try lines.filter { !$0.hasPrefix(#"{"type":"lost","#) }.map { try Event(json: $0) }
    }

    init(json line: String) throws {
        do {
            self = try JSONDecoder().decode(Event.self, from: Data(line.utf8))
        } catch {
            throw Problem("not an event: \(line)\n\(error)")
        }
    }
}

/// A file of `list -o json`, or the report of `inspect -o json`.
struct FileEntry: Decodable {
    struct Library: Decodable {
        struct Function: Decodable {
            let function: String
            let fileOffset: UInt64
            let probeOffset: UInt64
            let located: String
        }

        let kind: String
        let version: String?
        let functions: [Function]
        let reason: String?
    }

    struct Process: Decodable {
        let pid: Int32
        let comm: String
    }

    struct Container: Decodable {
        let runtimeName: String
        let containerName: String
    }

    let path: String
    let deleted: Bool?
    let buildId: String?
    let machine: String
    let libraries: [Library]
    let processes: [Process]?
    let containers: [Container]?
    let traced: Bool?
    let reason: String?

    static func all(_ lines: Lines) throws -> [FileEntry] {
        try lines.all.map { try JSONDecoder().decode(FileEntry.self, from: Data($0.utf8)) }
    }
}
