internal import Glibc

/// An open file descriptor that closes itself.
public struct Descriptor: ~Copyable, Sendable {
    /// The number, valid while this value lives.
    public let number: Int32

    /// Takes over `number`; -1 is an error and becomes `SystemError` with the current `errno`.
    public init(adopting number: Int32, _ operation: String, _ subject: String) throws(SystemError) {
        guard number >= 0 else { throw .last(operation, subject) }
        self.number = number
    }

    /// Takes over a descriptor that is known to be open.
    public init(open number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }

    /// Gives the descriptor to the caller, who closes it.
    public consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    /// A path that leads to the very file that is open, deleted or not, and to nothing else.
    public var path: String { "/proc/self/fd/\(number)" }
}

extension Descriptor {
    /// Opens `path` for reading; never waits for a FIFO's writer, takes no terminal, is not inherited.
    public static func reading(_ path: String, flags: Int32 = 0) throws(SystemError) -> Descriptor {
        try Descriptor(
            adopting: retrying { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags) }, "open", path)
    }
}

/// Repeats a system call while a signal interrupts it.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result == -1 && errno == EINTR { continue }
        return result
    }
}
