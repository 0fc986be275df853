public import Containers
public import LibBPF

/// The library function that took a server name.
public struct LibraryReference: Sendable {
    public let kind: String
    /// nil where the file does not tell.
    public let version: String?
    /// As the process that was met first with it sees it.
    public let path: String
    /// Hexadecimal; nil for a file without one.
    public let buildID: String?
    public let function: String
    /// How the function was found: "dynsym", "symtab".
    public let located: String
}

/// Who made a call, and by which library: the same object for many calls.
public final class CallOrigin: Sendable {
    public let caller: Caller
    /// nil for a process of the host.
    public let container: Container?
    public let library: LibraryReference

    init(_ caller: Caller, _ container: Container?, _ library: LibraryReference) {
        self.caller = caller
        self.container = container
        self.library = library
    }
}

/// A server name that a process asked for.
public struct ServerNameEvent: Sendable {
    /// Nanoseconds since the epoch.
    public let timestamp: Int64
    /// As the library sends it; nil: the app's memory could not be read.
    public let name: String?
    /// The app's name is longer.
    public let isNameTruncated: Bool
    /// The library's own address of it.
    let connectionAddress: UInt64
    public let origin: CallOrigin

    /// Tells one connection from another, as long as this process runs; it does not give the library's address away.
    public var connection: UInt64? {
        guard connectionAddress != 0 else { return nil }
        // The standard library seeds its hasher anew in each run.
        var hasher = Hasher()
        hasher.combine(origin.caller.pid)
        hasher.combine(origin.caller.startTime)
        hasher.combine(connectionAddress)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
