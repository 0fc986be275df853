internal import ELFImage
internal import Inspection
internal import OS
internal import TLSLibraries

/// The libraries that the loader of a root folder finds by itself, and those that a program needs at its start:
/// what can be probed before anybody maps it.
struct LoadableFiles {
    private let environment: [String]
    private let workingDirectory: String
    private let open: (String) -> RegularFile?
    private let names: (String, Int) -> [String]

    /// - Parameter environment: The program's, as `NAME=value`.
    /// - Parameter workingDirectory: The program's, in the root folder.
    /// - Parameter open: Opens a file in the root folder; nil where there is none.
    /// - Parameter names: Lists a folder in the root folder, up to a number of names; empty where there is none.
    init(
        environment: [String], workingDirectory: String, open: @escaping (String) -> RegularFile?,
        names: @escaping (String, Int) -> [String]
    ) {
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.open = open
        self.names = names
    }

    /// A container's root folder, which no link in it leads out of.
    static func container(
        root: String, environment: [String] = [], workingDirectory: String = "/"
    ) -> LoadableFiles {
        LoadableFiles(
            environment: environment, workingDirectory: workingDirectory, open: { Self.open(inRoot: root, $0) },
            names: { folder, limit in
                guard let handle = try? Descriptor.handle(inRoot: root, path: folder) else { return [] }
                return (try? Files.names(in: handle.path, limit: limit)) ?? []
            })
    }

    static func open(inRoot root: String, _ path: String) -> RegularFile? {
        guard let handle = try? Descriptor.handle(inRoot: root, path: path) else { return nil }
        return try? RegularFile(handle: handle, path: root + path)
    }

    /// This process's own root folder and working directory.
    static func host(environment: [String] = []) -> LoadableFiles {
        LoadableFiles(
            environment: environment, workingDirectory: (try? Files.linkTarget("/proc/self/cwd")) ?? "/",
            open: { try? RegularFile(path: $0) },
            names: { (try? Files.names(in: $0, limit: $1)) ?? [] })
    }

    /// What the programs of a command line load at their start, the first program first.
    func needed(by arguments: [String], _ inspector: FileInspector) -> [String] {
        let finder = ProgramFinder(path: variable("PATH"), workingDirectory: workingDirectory) { [open] path in
            open(path).flatMap { $0.status.mode & 0o111 == 0 ? nil : $0 }
        }
        let resolver = NeededResolver(
            libraryPath: variable("LD_LIBRARY_PATH"), cache: cache, open: open, read: inspector.readLoaderFacts)
        return finder.programs(startedBy: arguments).flatMap { program in
            // What is damaged for a loader may be whole for the kernel: a static program.
            (try? resolver.resolve(program).paths) ?? [program]
        }
    }

    /// What the loader's cache lists, or without one (musl, small images) the libraries in the usual folders; those in
    /// the folders that musl's loader is told; and those in folders below, for programs that name such a folder
    /// themselves, if they are called like a TLS library.
    var installed: [String] {
        let triple = "\(Host.machine)-linux-gnu"
        var folders = [
            "/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/lib/\(triple)", "/usr/lib/\(triple)",
        ]
        var budget = Self.mostNames
        func names(_ folder: String) -> [String] {
            guard budget > 0 else { return [] }
            let found = self.names(folder, budget)
            budget -= found.count + Self.costOfFolder
            return found
        }
        func libraries(in folder: String) -> [String] {
            names(folder).filter { $0.contains(".so") }.map { "\(folder)/\($0)" }
        }
        var paths: [String]
        if let cache {
            paths = cache.entries.map(\.path)
            folders = Set(paths.compactMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }).sorted()
        } else {
            paths = folders.flatMap { folder in libraries(in: folder) }
        }
        let told = MuslLoader.folders(ofLoader: "/lib/ld-musl-\(Host.machine).so.1", open: open) ?? []
        let further = told.filter { !folders.contains($0) }
        paths += further.flatMap { folder in libraries(in: folder) }
        folders += further
        paths += folders.prefix(Self.mostFolders).flatMap { folder in
            // A name without a dot is a folder's, mostly; another one has no names in it.
            names(folder).filter { !$0.contains(".") }.prefix(Self.mostFolders).flatMap { name in
                libraries(in: "\(folder)/\(name)").filter { $0.contains("ssl") || $0.contains("tls") }
            }
        }
        return Array(paths.prefix(Self.mostInstalled))
    }

    private static let mostFolders = 1024
    private static let mostInstalled = 16384
    /// Folders of a container can hold any number of names and folders: so many names are read for all of them, and a
    /// folder counts as some.
    private static let mostNames = 1 << 18
    private static let costOfFolder = 16

    private var cache: LoaderCache? {
        // No cache, or a damaged one: what it would have told is seen when it is mapped.
        open(LoaderCache.path).flatMap { try? LoaderCache($0) }
    }

    private func variable(_ name: String) -> String? {
        environment.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

extension FileInspector {
    /// For a resolver that opens regular files.
    var readLoaderFacts: NeededResolver.Reader {
        { [self] source in
            guard let file = source as? RegularFile else { throw InspectionError.unexpectedAnswer }
            return try loaderFacts(of: file)
        }
    }
}
