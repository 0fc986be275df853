public import Containers
public import OS
internal import Processes

/// A file that the user names, to be traced wherever it is used.
public enum FileTarget: Sendable {
    /// As this process sees it.
    case host(String)
    case container(ContainerFile)

    /// The files in containers.
    static func inContainers(_ targets: [FileTarget]) -> [ContainerFile] {
        targets.compactMap { if case .container(let file) = $0 { file } else { nil } }
    }

    /// Opens files of this host, and of containers that run.
    /// - Throws: `SystemError`, `SessionError`.
    static func opened(_ targets: [FileTarget]) throws -> [RegularFile] {
        // Finding the runtimes is a walk over all processes.
        let containers = inContainers(targets).isEmpty ? [] : ContainerSnapshot().containers
        return try targets.flatMap { target in
            switch target {
            case .host(let path): [try answering(path) { try RegularFile(path: path) }]
            case .container(let file): try answering(file.text) { try file.open(in: containers).map(\.file) }
            }
        }
    }
}

extension FileTarget {
    /// Milliseconds; a disk that has to spin up answers in less.
    private static let patience = 10_000

    /// Does what reads a file that the user named on a thread apart: the file system may be a FUSE daemon's that hangs.
    /// - Throws: What `body` throws; `SessionError` where it does not end in time.
    public static func answering<Answer: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws -> Answer
    ) throws -> Answer {
        guard let result = try Threads.result(within: patience, of: { Result { try body() } }) else {
            throw SessionError("cannot read \(name): its file system does not answer")
        }
        return try result.get()
    }
}

/// A file as containers see it: those that run, and those that come later.
public struct ContainerFile: Sendable {
    /// As the user wrote it: "web:/usr/lib/libssl.so.3".
    public let text: String
    /// In the container, absolute. Neither ".." nor a symbolic link in it leads out of the container's root folder.
    public let path: String
    let isIn: @Sendable (Container) -> Bool

    /// - Parameter isIn: Whether a container is one of those meant.
    public init(text: String, path: String, isIn: @escaping @Sendable (Container) -> Bool) {
        self.text = text
        self.path = path
        self.isIn = isIn
    }

    /// A container's root folder with the file in it.
    public struct Opened: Sendable {
        public let container: Container
        public let file: RegularFile
        let root: ContainerRoot

        /// Opens another file of the container; nil where there is none.
        public func open(_ path: String) -> RegularFile? {
            try? root.open(path)
        }
    }

    /// Opens it in every container that is meant and runs.
    /// - Returns: At least one.
    /// - Throws: `SessionError` where no such container runs, `SystemError` where it can be opened in none.
    public func open(in containers: [Container]) throws -> [Opened] {
        let meant = containers.filter { $0.initPid != nil && isIn($0) }
        guard !meant.isEmpty else {
            throw SessionError("cannot open \(text): no container of that name runs")
        }
        let opened = meant.map { container in Result { () throws(SystemError) in try open(in: container) } }
        let files = opened.compactMap { try? $0.get() }
        if files.isEmpty { for result in opened { _ = try result.get() } }
        return files
    }

    func open(in container: Container) throws(SystemError) -> Opened {
        let name = "\(container.name):\(path)"
        guard let pid = container.initPid, let root = ContainerRoot(pid: pid) else {
            throw SystemError("open", name, code: 0, hint: "the container has ended, or has no root folder of its own.")
        }
        return Opened(container: container, file: try root.open(path, shownAs: name), root: root)
    }
}

/// The root folder of a container that runs or is about to.
struct ContainerRoot: Sendable {
    /// On this host.
    let path: String

    /// The folder that a bundle names. What is mounted below it is not there before the container's first process is.
    init(path: String) {
        self.path = path
    }

    /// The root folder of a container's first process; nil until it has one of its own, and once it has ended.
    init?(pid: Int32) {
        path = "/proc/\(pid)/root"
        guard let namespace = ProcessRecord.mountNamespace(of: pid),
            namespace != ProcessRecord.mountNamespace(of: Int32(Host.pid)),
            let own = try? FileStatus(path: "/"), let root = try? FileStatus(path: path),
            // Until it has entered its own it stands in this host's, whose files are not meant.
            (own.device, own.inode) != (root.device, root.inode)
        else { return nil }
    }

    /// - Parameter name: How messages call the file.
    func open(_ file: String, shownAs name: String? = nil) throws(SystemError) -> RegularFile {
        let name = name ?? path + file
        do throws(SystemError) {
            return try RegularFile(handle: Descriptor.handle(inRoot: path, path: file), path: name)
        } catch {
            throw SystemError(error.operation, name, code: error.code, hint: error.hint)
        }
    }
}
