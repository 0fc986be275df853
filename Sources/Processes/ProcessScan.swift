public import OS

/// Which files are mapped executable on this host, and by whom: one walk over /proc.
public struct ProcessScan: Sendable {
    /// A file and the processes that map it.
    public struct File: Sendable {
        public let identity: FileIdentity
        /// As the first of `users` sees it.
        public let path: String
        /// A claim: see `MappedFile.isDeleted`.
        public let isDeleted: Bool
        /// Each process once.
        public internal(set) var users: [User]

        /// The same file, with some of its users.
        public func with(users: [User]) -> File {
            var file = self
            file.users = users
            return file
        }
    }

    /// One process that maps a file.
    public struct User: Sendable, Equatable {
        public let pid: Int32
        /// Its first executable mapping of the file.
        public let range: MappedRange
        /// False where none of its threads was in a page fault when it was met.
        public let mayBeInFault: Bool

        public init(pid: Int32, range: MappedRange, mayBeInFault: Bool) {
            self.pid = pid
            self.range = range
            self.mayBeInFault = mayBeInFault
        }
    }

    /// Processes whose maps could not be read.
    public struct Refusal: Sendable, Equatable {
        /// As one of them failed; `reason` goes for all of them.
        public let error: SystemError
        public internal(set) var pids: [Int32]
    }

    /// In the order in which they were met.
    public private(set) var files: [File] = []
    /// One entry for each reason. A process that ended meanwhile is none.
    public private(set) var refusals: [Refusal] = []
    /// How many processes were read; kernel threads, which map nothing, are in it.
    public private(set) var processCount = 0

    /// nil: not a file with a path.
    private var indices: [FileIdentity: Int?] = [:]

    /// Bytes; some 500,000 mappings, eight times what `vm.max_map_count` allows by default.
    static let largestMaps = 64 << 20

    /// Processes whose memory is held by somebody, so that the kernel makes whoever asks for their maps wait. Each is in
    /// `refusals`.
    public private(set) var unanswered: [Int32] = []

    /// Reads the maps of every process.
    /// - Throws: when /proc itself can't be listed.
    public static func run() throws(SystemError) -> ProcessScan {
        try run(pids: Processes.all())
    }

    /// Reads the maps of some processes. Those that are gone are left out.
    public static func run(pids: [Int32]) -> ProcessScan {
        run(pids: pids, asking: true)
    }

    /// - Parameter asking: Asks the kernel for each mapping where it can be asked; else, and below Linux 6.11, the text
    ///   of the maps is read.
    static func run(pids: [Int32], asking: Bool) -> ProcessScan {
        ScanWalk(pids, asking: asking).run()
    }

    /// The file as it is mapped; nil where nobody does.
    public func file(_ file: RegularFile) -> File? {
        let stated = FileIdentity(status: file.status)
        if let index = indices[stated] ?? nil { return files[index] }
        // An overlay's or btrfs's number (major 0) is another one there.
        guard stated.device >> 20 == 0, let mapped = FileIdentity(mapped: file) else { return nil }
        return (indices[mapped] ?? nil).map { files[$0] }
    }

    /// Takes in what another scan, of other processes, has found.
    mutating func add(_ other: ProcessScan) {
        if files.isEmpty {
            let refusals = refusals + other.refusals
            let unanswered = unanswered + other.unanswered
            let count = processCount
            self = other
            self.refusals = refusals
            self.unanswered = unanswered
            processCount += count
            return
        }
        for (identity, index) in other.indices where index == nil && indices[identity] == nil {
            indices.updateValue(nil, forKey: identity)
        }
        for file in other.files {
            if let known = indices[file.identity] {
                if let index = known { files[index].users += file.users }
            } else {
                indices[file.identity] = files.count
                files.append(file)
            }
        }
        refusals += other.refusals
        unanswered += other.unanswered
        processCount += other.processCount
    }

    mutating func refuse(_ error: SystemError, of pid: Int32) {
        if let index = refusals.firstIndex(where: { $0.error.code == error.code && $0.error.hint == error.hint }) {
            refusals[index].pids.append(pid)
        } else {
            refusals.append(Refusal(error: error, pids: [pid]))
        }
    }

    mutating func note(unanswered pid: Int32) {
        unanswered.append(pid)
        refuse(
            SystemError(
                "read", "/proc/\(pid)/maps", code: 0,
                hint: "it waits for a file that can't be read."),
            of: pid)
    }

    /// The executable files of one process.
    /// - Throws: `isNotFound` for a process that has ended, `isNotPermitted` for one that may not be looked into.
    public static func files(ofProcess pid: Int32) throws(SystemError) -> [MappedFile] {
        try MapsParser.executableFiles(in: Files.read("/proc/\(pid)/maps", limit: largestMaps))
    }

    mutating func add(_ maps: [UInt8], of pid: Int32) {
        processCount += 1
        // A thread of the kernel has no maps.
        let isInFault = !maps.isEmpty && HeldMemory.isInFault(pid)
        MapsParser.forEachExecutable(in: maps.span) { line in
            add(User(pid: pid, range: line.range, mayBeInFault: isInFault), of: line.identity) {
                MapsParser.path(of: line, in: maps)
            }
        }
    }

    mutating func countProcess() { processCount += 1 }

    /// Whether the path of a file that a process maps is needed.
    func isNew(_ identity: FileIdentity) -> Bool { indices[identity] == nil }

    /// - Parameter path: Asked for a file's first mapping only.
    @inline(__always)
    mutating func add(
        _ user: User, of identity: FileIdentity, path: () -> (path: String, isDeleted: Bool)
    ) {
        guard let known = indices[identity] else {
            let (path, isDeleted) = path()
            guard path.hasPrefix("/") else {
                indices.updateValue(nil, forKey: identity)
                return
            }
            indices[identity] = files.count
            files.append(File(identity: identity, path: path, isDeleted: isDeleted, users: [user]))
            return
        }
        // Processes come one after the other: a second mapping of the same one finds it last.
        guard let index = known, files[index].users.last?.pid != user.pid else { return }
        files[index].users.append(user)
    }
}

/// The processes of this host.
public enum Processes {
    /// Every process id, in the order of /proc.
    public static func all() throws(SystemError) -> [Int32] {
        try Files.names(in: "/proc").compactMap { Int32($0) }
    }
}
