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
    }

    /// One process that maps a file.
    public struct User: Sendable, Equatable {
        public let pid: Int32
        /// Its first executable mapping of the file.
        public let range: MappedRange

        public init(pid: Int32, range: MappedRange) {
            self.pid = pid
            self.range = range
        }
    }

    /// Processes whose maps could not be read.
    public struct Refusal: Sendable, Equatable {
        /// As one of them failed; `reason` goes for all of them.
        public let error: SystemError
        public let pids: [Int32]
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
        var scan = ProcessScan()
        var asking = asking
        var refused: [Int32: (SystemError, [Int32])] = [:]
        var maps: [UInt8] = []
        for pid in pids {
            do throws(SystemError) {
                if asking {
                    asking = try scan.ask(pid)
                    if asking { continue }
                }
                try Files.read("/proc/\(pid)/maps", limit: largestMaps, into: &maps)
                scan.add(maps, of: pid)
            } catch {
                if !error.isNotFound { refused[error.code, default: (error, [])].1.append(pid) }
            }
        }
        scan.refusals = refused.values.map { Refusal(error: $0.0, pids: $0.1) }
            .sorted { $0.error.code < $1.error.code }
        return scan
    }

    /// The executable files of one process.
    /// - Throws: `isNotFound` for a process that has ended, `isNotPermitted` for one that may not be looked into.
    public static func files(ofProcess pid: Int32) throws(SystemError) -> [MappedFile] {
        try MapsParser.executableFiles(in: Files.read("/proc/\(pid)/maps", limit: largestMaps))
    }

    private mutating func add(_ maps: [UInt8], of pid: Int32) {
        processCount += 1
        MapsParser.forEachExecutable(in: maps.span) { line in
            add(User(pid: pid, range: line.range), of: line.identity) { MapsParser.path(of: line, in: maps) }
        }
    }

    /// - Returns: false where the kernel can't be asked.
    private mutating func ask(_ pid: Int32) throws(SystemError) -> Bool {
        let query = try MappingQuery(pid: pid)
        var address: UInt64 = 0
        do throws(SystemError) {
            while let mapping = try query.next(from: address) {
                let user = User(
                    pid: pid, range: MappedRange(start: mapping.start, end: mapping.end, offset: mapping.offset))
                add(user, of: FileIdentity(device: mapping.device, inode: mapping.inode)) {
                    MapsParser.path(ofName: query.name(of: mapping)[...])
                }
                guard mapping.end > address else { break }
                address = mapping.end
            }
        } catch {
            guard error.isUnknownRequest else { throw error }
            return false
        }
        processCount += 1
        return true
    }

    /// - Parameter path: Asked for a file's first mapping only.
    @inline(__always)
    private mutating func add(
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
