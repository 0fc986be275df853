internal import Glibc

/// A system call that failed: what was tried, on what, and why.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried, as a verb phrase: "open", "read", "attach a uprobe to".
    public let operation: String
    /// What it was tried on: a path, a pid. May come from a traced process: escape it before printing.
    public let subject: String
    /// The `errno` value; 0 where the kernel refused nothing: `hint` is the reason then.
    public let code: Int32
    /// What the user can do about it, as a full sentence.
    public let hint: String?

    public init(_ operation: String, _ subject: String, code: Int32, hint: String? = nil) {
        self.operation = operation
        self.subject = subject
        self.code = code
        self.hint = hint
    }

    /// Takes `errno` as the last call on this thread left it.
    public static func last(_ operation: String, _ subject: String) -> SystemError {
        SystemError(operation, subject, code: errno)
    }

    /// What was meant is not there any more.
    public static func notFound(_ operation: String, _ subject: String, hint: String? = nil) -> SystemError {
        SystemError(operation, subject, code: ENOENT, hint: hint)
    }

    /// The kernel's words for `code`; the hint where it refused nothing.
    public var reason: String {
        code == 0 ? hint ?? "it is not as expected" : String(cString: strerror(code))
    }

    public var description: String {
        let failure = "cannot \(operation) \(subject): "
        return failure + reason + (code == 0 ? "" : hint.map { ". \($0)" } ?? "")
    }

    public var isNotFound: Bool { code == ENOENT || code == ESRCH || code == ENOTDIR }
    public var isPathTooLong: Bool { code == ENAMETOOLONG }
    public var isNotPermitted: Bool { code == EPERM || code == EACCES }
}
