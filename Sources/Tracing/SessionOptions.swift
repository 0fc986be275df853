public import Containers
public import Inspection
public import LibBPF
public import TLSLibraries

/// What a session traces, and how.
public struct SessionOptions: Sendable {
    public enum Target: Sendable {
        /// Every process and container on this host.
        case host
        /// These files alone, whoever maps them, now or later.
        case files([FileTarget])
        /// What these processes map, now or later.
        case processes([Int32])
        /// The children of this process and their descendants, from their first instruction on. The first one will be
        /// `command`, a path or a name to look up in `PATH`, with `environment` (`NAME=value`).
        case children(command: String, environment: [String])

        var isCommand: Bool {
            if case .children = self { true } else { false }
        }

        /// Whether processes that start later are traced, whatever they map.
        var isOpen: Bool {
            switch self {
            case .host, .children: true
            case .files, .processes: false
            }
        }
    }

    /// Which containers are wanted; the kernel drops the events of others.
    public struct ContainerFilter: Sendable {
        public let isWanted: @Sendable (Container) -> Bool
        /// Whether processes in no container are wanted.
        public let includesHost: Bool

        public init(includesHost: Bool, isWanted: @escaping @Sendable (Container) -> Bool) {
            self.includesHost = includesHost
            self.isWanted = isWanted
        }
    }

    public typealias ProcessFilter = @Sendable (_ pid: Int32, _ comm: String, _ uid: UInt32) -> Bool

    public var target = Target.host
    /// Beside files that the user names: processes that alone are wanted; nil: all.
    public var pids: [Int32]?
    public var catalog: LibraryCatalog
    /// What was found in files before; nil: every file is searched anew.
    public var cache: FindingCache?
    /// Whether a file is never probed, by the path under which a process or this host sees it.
    public var isExcluded: @Sendable (_ path: String) -> Bool = { _ in false }
    /// What looks into files; nil: one is made.
    public var inspectorProcess: InspectorProcess?
    public var containers: ContainerFilter?
    /// Which processes are wanted for what else they are: decides whose files the session says that it can't trace. nil:
    /// all.
    public var isWantedProcess: ProcessFilter?
    /// Names of threads or processes, exact; nil: all.
    public var comms: [String]?
    public var uids: [UInt32]?
    /// Which server names the kernel drops; nil: none.
    public var names: NameSieve?
    /// nil: the best that the kernel has.
    public var method: UprobeMethod?
    /// Bytes, a power of two and a multiple of the page.
    public var ringBytes: UInt32 = 16 << 20

    public init(catalog: LibraryCatalog) {
        self.catalog = catalog
    }

    /// The only processes that are wanted, where they are named one by one.
    var wantedPids: [Int32]? {
        if case .processes(let pids) = target { pids } else { pids }
    }
}
