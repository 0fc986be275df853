internal import OS
internal import Processes

/// A folder in which an OCI runtime keeps what it knows of its containers, a folder each. What a user keeps is believed
/// only as far as it is about his own processes.
struct OCIStateFolder: Equatable, Sendable {
    let path: String
    /// The user who writes in it.
    let owner: UInt32
    let format: OCIState.Format

    /// The users that have a folder for their running programs.
    static func users(in folder: String) -> [UInt32] {
        // There is none without systemd.
        ((try? Files.names(in: folder, limit: 1 << 14)) ?? []).compactMap { UInt32($0) }.filter { $0 != 0 }.sorted()
    }

    /// How much of what one user keeps is read.
    struct Budget: Sendable {
        /// A user's own folder can hold any number of entries, to keep its readers busy.
        static let mostEntries = 1024
        /// Of a file; a container with many mounts takes 100 KB.
        static let largestFile = 256 << 10
        /// Bytes of all files.
        var bytes = 4 << 20
        /// CLOCK_MONOTONIC, nanoseconds.
        let deadline: Int64

        var isUsedUp: Bool { bytes <= 0 || Clock.monotonic > deadline }
    }

    /// The containers, running or not; none where there is no such folder. Of a user's at most `Budget.mostEntries`.
    func ids() throws(SystemError) -> [String] {
        do throws(SystemError) {
            let (root, name) = confinement
            let folder = try Descriptor.handle(inRoot: root, path: name)
            let limit = owner == 0 ? .max : Budget.mostEntries
            return try Files.subfolders(of: folder.path, limit: limit).map(\.name).filter(Self.isID).sorted()
        } catch {
            if error.isNotFound { return [] }
            throw error
        }
    }

    /// - Returns: nil where the folder has no such container, or one whose state is not written yet.
    /// - Throws: `SystemError`, `StateError`.
    func state(ofContainer id: String) throws -> OCIState? {
        var budget = Budget(deadline: .max)
        return try state(ofContainer: id, &budget)
    }

    /// As `state(ofContainer:)`.
    /// - Parameter budget: What is read is taken from it. It can be overdrawn by one file.
    func state(ofContainer id: String, _ budget: inout Budget) throws -> OCIState? {
        // The id becomes part of a path.
        guard Self.isID(id) else { return nil }
        let file = "\(path)/\(id)/\(format.fileName)"
        let json: [UInt8]
        do throws(SystemError) {
            json = try read("/\(id)/\(format.fileName)")
            budget.bytes -= json.count
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        // Created, and not written yet.
        if json.isEmpty { return nil }
        var state = try OCIState(id: id, json: json, format: format, of: file)
        if let process = state.process, !isOwn(process) { state.process = nil }
        return state
    }

    /// What no link leads out of, and where this folder is in it: a user can make his own folder a link, root may.
    private var confinement: (root: String, name: String) {
        guard owner != 0, let slash = path.lastIndex(of: "/") else { return (path, "/") }
        return (String(path[..<slash]), String(path[slash...]))
    }

    /// Nothing but a regular file is opened, which must be the owner's or root's.
    private func read(_ name: String) throws(SystemError) -> [UInt8] {
        let (root, folder) = confinement
        let file = try RegularFile(handle: Descriptor.handle(inRoot: root, path: folder + name), path: path + name)
        guard file.status.owner == owner || file.status.owner == 0 else {
            throw SystemError("read", path + name, code: 0, hint: "it is another user's.")
        }
        let limit = owner == 0 ? 4 << 20 : Budget.largestFile
        let size = Int(clamping: file.status.size)
        let bytes = size > limit ? [] : try file.read(at: 0, count: size + 1)
        guard size <= limit, bytes.count <= limit else {
            throw SystemError("read", path + name, code: 0, hint: "it is larger than \(limit) bytes.")
        }
        return bytes
    }

    /// Whether the process may be a container's of the folder's owner: his id is mapped in its user namespace, which
    /// the kernel asks of whoever makes one (user_namespaces(7)).
    private func isOwn(_ process: ProcessIdentity) -> Bool {
        guard owner != 0 else { return true }
        guard let map = try? Files.read("/proc/\(process.pid)/uid_map", limit: 64 << 10) else { return false }
        return Self.maps(owner, in: map)
    }

    /// The host's own map, which holds all ids, is nobody's.
    static func maps(_ user: UInt32, in map: [UInt8]) -> Bool {
        let lines = map.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: " ")).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
        }
        return lines.contains { line in
            line.count == 3 && line[2] < UInt64(UInt32.max) && line[1] <= user && UInt64(user) - line[1] < line[2]
        }
    }

    /// runc takes letters, digits and "_+-."; crun any name that has no slash.
    private static func isID(_ id: String) -> Bool {
        !id.isEmpty && id != "." && id != ".." && id.utf8.count <= 1024 && !id.contains("/") && !id.contains("\0")
    }
}
