internal import ELFImage
internal import OS
internal import TLSLibraries

/// The libraries that the loader of a root folder finds by itself, and those that a program needs at its start:
/// what can be probed before anybody maps it.
public struct LoadableFiles {
    private let environment: [String]
    private let open: (String) -> RegularFile?
    private let names: (String) -> [String]

    /// - Parameter environment: The program's, as `NAME=value`.
    /// - Parameter open: Opens a file in the root folder; nil where there is none.
    /// - Parameter names: Lists a folder in the root folder; empty where there is none.
    init(
        environment: [String], open: @escaping (String) -> RegularFile?, names: @escaping (String) -> [String]
    ) {
        self.environment = environment
        self.open = open
        self.names = names
    }

    /// A container's root folder, which no link in it leads out of.
    static func container(root: String, environment: [String]) -> LoadableFiles {
        LoadableFiles(
            environment: environment, open: { Self.open(inRoot: root, $0) },
            names: { folder in
                guard let handle = try? Descriptor.handle(inRoot: root, path: folder) else { return [] }
                return (try? Files.names(in: handle.path)) ?? []
            })
    }

    static func open(inRoot root: String, _ path: String) -> RegularFile? {
        guard let handle = try? Descriptor.handle(inRoot: root, path: path) else { return nil }
        return try? RegularFile(handle: handle, path: root + path)
    }

    /// This process's own root folder.
    public static func host(environment: [String] = []) -> LoadableFiles {
        LoadableFiles(
            environment: environment, open: { try? RegularFile(path: $0) },
            names: { (try? Files.names(in: $0)) ?? [] })
    }

    /// What a program loads at its start, itself first; empty where it can't be found or read.
    /// - Parameter command: A path, or a name to look up in `PATH`.
    public func needed(by command: String) -> [String] {
        guard let program = executable(command) else { return [] }
        let resolver = NeededResolver(libraryPath: variable("LD_LIBRARY_PATH"), cache: cache, open: open)
        return (try? resolver.resolve(program).paths) ?? []
    }

    /// What the loader's cache lists, or without one (musl, small images) the libraries in the usual folders; and those
    /// in folders below, for programs that name such a folder themselves, if they are called like a TLS library.
    var installed: [String] {
        let triple = "\(Host.machine)-linux-gnu"
        var folders = [
            "/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/lib/\(triple)", "/usr/lib/\(triple)",
        ]
        var paths: [String]
        if let cache {
            paths = cache.entries.map(\.path)
            folders = Set(paths.compactMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }).sorted()
        } else {
            paths = folders.flatMap { folder in libraries(in: folder) }
        }
        paths += folders.prefix(Self.mostFolders).flatMap { folder in
            // A name without a dot is a folder's, mostly; another one has no names in it.
            names(folder).filter { !$0.contains(".") }.prefix(Self.mostFolders).flatMap { name in
                libraries(in: "\(folder)/\(name)").filter { $0.contains("ssl") || $0.contains("tls") }
            }
        }
        return Array(paths.prefix(Self.mostInstalled))
    }

    private func libraries(in folder: String) -> [String] {
        names(folder).filter { $0.contains(".so") }.map { "\(folder)/\($0)" }
    }

    private static let mostFolders = 1024
    /// A folder of a container can hold any number of names.
    private static let mostInstalled = 16384

    private var cache: LoaderCache? {
        // No cache, or a damaged one: what it would have told is seen when it is mapped.
        open(LoaderCache.path).flatMap { try? LoaderCache($0) }
    }

    private func executable(_ command: String) -> String? {
        guard !command.contains("/") else { return command }
        let folders = (variable("PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .split(separator: ":")
        return folders.lazy.map { "\($0)/\(command)" }.first { open($0) != nil }
    }

    private func variable(_ name: String) -> String? {
        environment.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}
