internal import OS

/// What makes a process copy or interpret code instead of running it where the kernel maps it. A uprobe is a breakpoint
/// in the mapping: in a copy the kernel does not know it, and the process dies of it.
public struct CodeCopier: Sendable, Equatable {
    /// As messages call it.
    public let name: String
    /// Whether all code of the process is meant, not its program alone.
    public let copiesLibraries: Bool

    /// Another tool has changed the code in the process's memory.
    public static let other = CodeCopier(name: "other code", copiesLibraries: false)

    /// No copier, but as harmful to probe: see `HeldMemory`.
    public static let held = CodeCopier(name: "held memory", copiesLibraries: false)

    /// Whether a program is meant that copies itself when it is started so.
    public var copiesItselfAtStart: Bool { !copiesLibraries && self != .other && self != .held }

    private init(name: String, copiesLibraries: Bool) {
        self.name = name
        self.copiesLibraries = copiesLibraries
    }

    /// Files whose mapping tells.
    private enum Sign {
        case name(String)
        case namePrefix(String)
        /// Anything in a directory of that name.
        case directory(String)
    }

    private static let signs: [(sign: Sign, copier: String)] = [
        (.directory("valgrind"), "valgrind"),
        // Only the host's own instruction set matters: other files are not probed.
        (.name("qemu-\(Host.machine)"), "QEMU's user mode"),
        (.name("qemu-\(Host.machine)-static"), "QEMU's user mode"),
        (.namePrefix("librrpreload"), "rr"),
        (.namePrefix("librrpage"), "rr"),
        // Also as /memfd:frida-agent-64.so.
        (.namePrefix("frida-agent"), "Frida"),
        (.namePrefix("memfd:frida-agent"), "Frida"),
        (.namePrefix("libdynamorio.so"), "DynamoRIO"),
        (.name("pinbin"), "Intel Pin"),
        (.namePrefix("liblppreload.so"), "iodlr's large pages"),
    ]

    /// What a mapped file makes of its process.
    public init?(mapping path: String) {
        let components = path.split(separator: "/")
        guard let name = components.last else { return nil }
        let match = Self.signs.first { sign, _ in
            switch sign {
            case .name(let wanted): name == wanted
            case .namePrefix(let prefix): name.hasPrefix(prefix)
            case .directory(let directory): components.count > 1 && components[components.count - 2] == directory
            }
        }
        guard let match else { return nil }
        self.name = match.copier
        copiesLibraries = true
    }

    /// What a process was asked to do with its own code when it was started.
    /// - Parameter environment: As `NAME=value`.
    public init?(arguments: [String], environment: [String]) {
        func value(_ variable: String) -> String? {
            environment.first { $0.hasPrefix(variable + "=") }.map { String($0.dropFirst(variable.count + 1)) }
        }
        let nodeOptions = value("NODE_OPTIONS")?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
        if Self.asksForLargePages(arguments) || Self.asksForLargePages(nodeOptions) {
            name = "Node.js with --use-largepages"
        } else if value("HUGETLB_ELFMAP").map({ $0 != "no" }) == true {
            name = "libhugetlbfs with HUGETLB_ELFMAP"
        } else {
            return nil
        }
        copiesLibraries = false
    }

    /// What a process that runs is: as `init(arguments:environment:)`, else by what it maps; nil for one that may not be
    /// looked into. Reads its memory: to be called where a wait for that does no harm.
    public init?(ofProcess pid: Int32) {
        // The program's mapping is reported before the kernel has laid out its arguments.
        var arguments = (try? ProcessRecord.arguments(of: pid)) ?? []
        for _ in 0..<Self.patienceWithExec where arguments.isEmpty && Files.exists("/proc/\(pid)/exe") {
            Threads.sleep(milliseconds: 1)
            arguments = (try? ProcessRecord.arguments(of: pid)) ?? []
        }
        let environment = (try? Files.read("/proc/\(pid)/environ", limit: 8 << 20)).map(ProcessRecord.arguments) ?? []
        // First: Node.js copies its code within milliseconds.
        let asked = CodeCopier(arguments: arguments, environment: environment)
        let mapped = asked == nil ? (try? ProcessScan.files(ofProcess: pid)) ?? [] : []
        guard let copier = asked ?? mapped.lazy.compactMap({ CodeCopier(mapping: $0.path) }).first else { return nil }
        self = copier
    }

    /// Milliseconds.
    private static let patienceWithExec = 20

    /// Node takes `_` for `-`, and the value behind `=` or as the next argument.
    private static func asksForLargePages(_ options: [String]) -> Bool {
        let option = "--use-largepages"
        let values = ["on", "silent"]
        return options.indices.contains { index in
            let text = String(options[index].map { $0 == "_" ? "-" : $0 })
            return values.contains { text == "\(option)=\($0)" }
                || text == option && index + 1 < options.count && values.contains(options[index + 1])
        }
    }
}
