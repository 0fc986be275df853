public import ELFImage

/// Finds the libraries that a program would load at its start, before it starts, as its loader would: what it needs,
/// what those need, and so on. Nothing is run. Libraries that it opens later (`dlopen`) are not among them.
///
/// It reads everything through `open`, so that the caller confines it to a container's root. Left out are
/// `LD_PRELOAD`, `/etc/ld.so.preload` and `glibc-hwcaps` folders that no cache lists.
public struct NeededResolver {
    /// Opens an absolute path as the program would see it; nil where there is no regular file.
    public typealias Opener = (_ path: String) -> (any ByteSource)?

    /// Reads what a file tells the loader. Throws where it is no program or library, or a damaged one.
    public typealias Reader = (_ source: any ByteSource) throws -> LoaderFacts

    public struct Missing: Sendable, Hashable {
        /// As the object names it; not trusted.
        public let name: String
        /// The path of the object.
        public let neededBy: String
    }

    public struct Resolution: Sendable, Hashable {
        /// The program and its libraries in the order of loading, each path once. Of variants for several processors
        /// all are listed.
        public internal(set) var paths: [String] = []
        public internal(set) var missing: [Missing] = []
        /// True where a limit ended the search: the list has gaps.
        public internal(set) var isCut = false
    }

    /// Files that are followed at most.
    public static let fileLimit = 512
    /// Paths that are tried at most, for all files together.
    private static let attemptLimit = 20_000
    /// Objects that asked for each other, back to the program, whose `DT_RPATH` counts too.
    private static let chainLimit = 16

    private let libraryPath: String?
    private let cache: LoaderCache?
    private let open: Opener
    private let read: Reader

    /// - Parameters:
    ///   - libraryPath: The program's `LD_LIBRARY_PATH`.
    ///   - cache: The one of the program's root; nil for musl, or where there is none.
    ///   - read: Is given what `open` has opened.
    public init(
        libraryPath: String? = nil, cache: LoaderCache?, open: @escaping Opener,
        read: @escaping Reader = LoaderFacts.init
    ) {
        self.libraryPath = libraryPath
        self.cache = cache
        self.open = open
        self.read = read
    }

    /// - Parameters:
    ///   - path: The program, absolute.
    ///   - visit: Is given every file as it is found, the program included, already open.
    /// - Returns: The program alone where it is static.
    /// - Throws: what `read` throws, if the program itself can't be read. A library that can't be read is missing.
    public func resolve(
        _ path: String, visit: (_ path: String, _ source: any ByteSource) -> Void = { _, _ in }
    ) throws -> Resolution {
        var result = Resolution()
        guard let source = open(path) else {
            result.missing.append(Missing(name: path, neededBy: path))
            return result
        }
        var search = Search(LoadedObject(path: path, try read(source), parent: nil), default: self)
        result.paths.append(path)
        visit(path, source)
        var next = 0
        while next < search.objects.count {
            for name in search.objects[next].facts.needed where search.isNew(name) {
                guard search.objects.count < Self.fileLimit, search.attempts < Self.attemptLimit else {
                    result.isCut = true
                    return result
                }
                let found = search.load(name, for: next)
                if found.isEmpty { result.missing.append(Missing(name: name, neededBy: search.objects[next].path)) }
                for (object, source) in found {
                    result.paths.append(object.path)
                    visit(object.path, source)
                }
            }
            next += 1
        }
        return result
    }
}

extension NeededResolver {
    /// The libraries that an object needs itself and that lie where it or `LD_LIBRARY_PATH` says: what the loader opens
    /// next. Those in the system's folders are left out.
    /// - Parameters:
    ///   - path: Of the object, as the program sees it.
    ///   - body: Is given each as soon as it is found, and what it is called.
    /// - Throws: what `read` throws, if the object can't be read.
    public func forEachNeededElsewhere(
        by path: String, _ source: any ByteSource, _ body: (String, any ByteSource) -> Void
    ) throws {
        let object = LoadedObject(path: path, try read(source), parent: nil)
        let named = libraryPath.map { SearchPath.folders($0, origin: path, machine: object.facts.machine) } ?? []
        let folders = object.rpath + named + object.runpath
        guard !folders.isEmpty else { return }
        var attempts = 0
        for name in object.facts.needed.prefix(Self.fileLimit) where !name.contains("/") {
            for folder in folders {
                attempts += 1
                guard attempts < Self.attemptLimit else { return }
                let library = SearchPath.join(folder, name)
                guard let source = open(library) else { continue }
                body(library, source)
                break
            }
        }
    }
}

/// A program or library and what it asks of the loader.
private struct LoadedObject {
    let path: String
    let facts: LoaderFacts
    let rpath: [String]
    let runpath: [String]
    /// Index of the object that needed it first.
    let parent: Int?

    init(path: String, _ facts: LoaderFacts, parent: Int?) {
        func folders(_ list: String?) -> [String] {
            list.map { SearchPath.folders($0, origin: path, machine: facts.machine) } ?? []
        }
        self.path = path
        self.facts = facts
        self.parent = parent
        runpath = folders(facts.runpath)
        // The loader ignores DT_RPATH where there is a DT_RUNPATH.
        rpath = facts.runpath == nil ? folders(facts.rpath) : []
    }
}

extension NeededResolver {
    /// The state of one resolution.
    private struct Search {
        var objects: [LoadedObject]
        var attempts = 0
        private var names: Set<String> = []
        private let resolver: NeededResolver
        private let isMusl: Bool
        private let libraryFolders: [String]
        private var systemFolders: [String] = []

        init(_ program: LoadedObject, default resolver: NeededResolver) {
            objects = [program]
            self.resolver = resolver
            let loader = program.facts.interpreter?.split(separator: "/").last.map(String.init) ?? ""
            isMusl = loader.hasPrefix("ld-musl-")
            libraryFolders =
                resolver.libraryPath.map {
                    SearchPath.folders($0, origin: program.path, machine: program.facts.machine)
                } ?? []
            systemFolders =
                isMusl
                ? MuslLoader.folders(ofLoader: program.facts.interpreter ?? "", open: resolver.open)
                    ?? MuslLoader.defaultFolders
                : SearchPath.defaultFolders(program.facts.machine)
            names.formUnion([program.path] + [program.facts.soname].compactMap { $0 })
        }

        /// False for what needs no search: it is loaded, or it is the loader itself.
        mutating func isNew(_ name: String) -> Bool {
            !name.isEmpty && !(isMusl && MuslLoader.isItself(name)) && names.insert(name).inserted
        }

        /// Finds a library and takes it in.
        mutating func load(_ name: String, for index: Int) -> [(LoadedObject, any ByteSource)] {
            if name.contains("/") {
                let paths = SearchPath.expand(name, origin: objects[index].path, machine: objects[0].facts.machine)
                return first(of: paths, for: index)
            }
            func paths(_ folders: [String]) -> [String] { folders.map { SearchPath.join($0, name) } }
            let inherited = inheritedFolders(index)
            if isMusl { return first(of: paths(libraryFolders + inherited + systemFolders), for: index) }
            let early = first(of: paths(inherited + libraryFolders + objects[index].runpath), for: index)
            guard early.isEmpty else { return early }
            // The processor decides between variants; which one the program will get does not matter here, because
            // a probe in a file that nobody loads costs nothing.
            let cached = (resolver.cache?.paths(of: name) ?? []).flatMap { first(of: [$0], for: index) }
            return cached.isEmpty ? first(of: paths(systemFolders), for: index) : cached
        }

        /// `DT_RPATH` of the object and of those that led to it, and with musl `DT_RUNPATH`, which is the same there.
        private func inheritedFolders(_ index: Int) -> [String] {
            // glibc: an object with DT_RUNPATH uses nobody's DT_RPATH.
            if !isMusl && !objects[index].runpath.isEmpty { return [] }
            var folders: [String] = []
            var next: Int? = index
            for _ in 0..<NeededResolver.chainLimit {
                guard let current = next else { break }
                folders += objects[current].rpath + (isMusl ? objects[current].runpath : [])
                next = objects[current].parent
            }
            return folders
        }

        /// The first of the paths that holds a library for the program's machine.
        private mutating func first(of paths: [String], for index: Int) -> [(LoadedObject, any ByteSource)] {
            for path in paths {
                guard attempts < NeededResolver.attemptLimit else { return [] }
                attempts += 1
                // A file that is no library, or another machine's, is passed over, as the loader does.
                guard let source = resolver.open(path), let facts = try? resolver.read(source),
                    facts.machine == objects[0].facts.machine
                else { continue }
                let object = LoadedObject(path: path, facts, parent: index)
                if let soname = facts.soname { names.insert(soname) }
                objects.append(object)
                return [(object, source)]
            }
            return []
        }
    }
}
