internal import ELFImage
internal import OS
internal import TLSLibraries

/// The libraries that the loader of a root folder finds by itself, and those that a program needs at its start:
/// what can be probed before anybody maps it.
public struct LoadableFiles {
    private let environment: [String]
    private let open: (String) -> RegularFile?

    /// - Parameter environment: The program's, as `NAME=value`.
    /// - Parameter open: Opens a file in the root folder; nil where there is none.
    init(environment: [String], open: @escaping (String) -> RegularFile?) {
        self.environment = environment
        self.open = open
    }

    /// This process's own root folder.
    public static func host(environment: [String] = []) -> LoadableFiles {
        LoadableFiles(environment: environment) { try? RegularFile(path: $0) }
    }

    /// What a program loads at its start, itself first; empty where it can't be found or read.
    /// - Parameter command: A path, or a name to look up in `PATH`.
    public func needed(by command: String) -> [String] {
        guard let program = executable(command) else { return [] }
        let resolver = NeededResolver(libraryPath: variable("LD_LIBRARY_PATH"), cache: cache, open: open)
        return (try? resolver.resolve(program).paths) ?? []
    }

    /// What the loader's cache lists.
    var cached: [String] {
        cache?.entries.map(\.path) ?? []
    }

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
