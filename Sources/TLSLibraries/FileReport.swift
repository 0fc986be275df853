/// How a function was found.
public enum Located: String, Sendable, Hashable {
    /// In the symbols that the file defines for others.
    case dynsym
    /// In the symbols that the linker left for tools: a library that is linked into the file.
    case symtab
}

/// A place in a file where a probe reads server names.
public struct AttachPoint: Sendable, Hashable {
    /// The symbol's name.
    public let function: String
    public let rule: FunctionRule
    /// Of the function, as linked.
    public let address: UInt64
    /// Of the function, in bytes from the file's beginning.
    public let fileOffset: UInt64
    /// Of the probed instruction: the function's first, or the one after a landing pad.
    public let probeOffset: UInt64
    public let located: Located
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

    func with(version: String?) -> FoundLibrary {
        FoundLibrary(kind: kind, version: version, functions: functions, reason: reason)
    }
}

/// What an inspection found in a file.
public struct FileReport: Sendable, Hashable {
    /// As `uname -m` writes it.
    public let machine: String
    /// Hexadecimal; nil where the file has none.
    public let buildID: String?
    /// Mostly none or one; a static program may hold several.
    public let libraries: [FoundLibrary]
}
