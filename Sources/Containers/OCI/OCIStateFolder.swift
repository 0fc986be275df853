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
        ((try? Files.names(in: folder)) ?? []).compactMap { UInt32($0) }.filter { $0 != 0 }.sorted()
    }

    /// The containers, running or not; none where there is no such folder.
    func ids() throws(SystemError) -> [String] {
        do throws(SystemError) {
            let (root, name) = confinement
            let folder = try Descriptor.handle(inRoot: root, path: name)
            let ids = try Files.subfolders(of: folder.path).lazy.map(\.name).filter(Self.isID)
            // A user's own folder can hold any number, to keep its readers busy.
            return owner == 0 ? ids.sorted() : ids.prefix(1024).sorted()
        } catch {
            if error.isNotFound { return [] }
            throw error
        }
    }

    /// - Returns: nil where the folder has no such container, or one whose state is not written yet.
    /// - Throws: `SystemError`, `StateError`.
    func state(ofContainer id: String) throws -> OCIState? {
        // The id becomes part of a path.
        guard Self.isID(id) else { return nil }
        let file = "\(path)/\(id)/\(format.fileName)"
        let json: [UInt8]
        do throws(SystemError) {
            json = try read("/\(id)/\(format.fileName)")
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

    /// Nothing but a regular file is opened.
    private func read(_ name: String) throws(SystemError) -> [UInt8] {
        let (root, folder) = confinement
        let file = try RegularFile(handle: Descriptor.handle(inRoot: root, path: folder + name), path: path + name)
        let limit = 4 << 20
        let bytes = try file.read(at: 0, count: min(Int(clamping: file.status.size), limit) + 1)
        guard bytes.count <= limit else {
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
