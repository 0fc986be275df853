/// How a function was found.
public enum Located: String, Sendable, Hashable, Codable {
    /// In the symbols that the file defines for others.
    case dynsym
    /// In the symbols that the linker left for tools: a library that is linked into the file.
    case symtab
    /// In such symbols, compressed (`.gnu_debugdata`).
    case debugdata
    /// In the symbols of a separate file, by build ID or debug link.
    case debuglink
    /// In the table of functions that Go programs have.
    case gopclntab
    /// By what the function contains.
    case anchor
}

/// A place in a file where a probe reads server names.
public struct AttachPoint: Sendable, Hashable {
    /// As the file calls it; as its description does where the file has no name for it.
    public let function: String
    public let rule: FunctionRule
    /// Of the function, as linked.
    public let address: UInt64
    /// Of the function, in bytes from the file's beginning.
    public let fileOffset: UInt64
    /// Of the probed instruction: the function's first, or the one after a landing pad.
    public let probeOffset: UInt64
    public let located: Located
    /// What says that it is this function, each a clause; empty where its name does.
    public let evidence: [String]
    /// The probed instruction's name, or its bytes.
    public let instruction: String
    /// Why the probe is not at the function's first instruction, such as "after endbr64"; nil where it is.
    public let placement: String?
}

/// A TLS library in a file.
public struct FoundLibrary: Sendable, Hashable {
    /// As its description says: "OpenSSL".
    public let kind: String
    /// Nil where the file does not say, and after a first look.
    public let version: String?
    /// Where to attach; each place once. Empty where nothing can be traced: `reason` says why.
    public let functions: [AttachPoint]
    /// Why one of its functions, or all, can't be probed: full sentences. Nil where all can.
    public let reason: String?
    /// Whether only texts tell of it: a program that speaks of the library has them too.
    public let isUncertain: Bool
    /// Whether nobody can trace it, in any file.
    public let isUntraceable: Bool
    /// Whether it is a part of the file that nobody else uses, and no library of its own.
    public let isStatic: Bool

    package func with(version: String?) -> FoundLibrary {
        FoundLibrary(
            kind: kind, version: version, functions: functions, reason: reason, isUncertain: isUncertain,
            isUntraceable: isUntraceable,
            isStatic: isStatic)
    }
}

/// What an inspection found in a file.
public struct FileReport: Sendable, Hashable {
    /// As `uname -m` writes it.
    public let machine: String
    /// Hexadecimal; nil where the file has none.
    public let buildID: String?
    /// Whether the symbols for tools were taken out.
    public let isStripped: Bool
    /// Mostly none or one; a static program may hold several.
    public let libraries: [FoundLibrary]

    /// Of a file without a TLS library.
    public init(empty machine: String) {
        self.init(machine: machine, buildID: nil, isStripped: false, libraries: [])
    }

    init(machine: String, buildID: String?, isStripped: Bool, libraries: [FoundLibrary]) {
        self.machine = machine
        self.buildID = buildID
        self.isStripped = isStripped
        self.libraries = libraries
    }
}
