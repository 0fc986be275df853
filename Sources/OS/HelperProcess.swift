internal import CShims
internal import Glibc

/// This program once more, as a process of its own with nothing but a socket.
public struct HelperProcess: Sendable {
    public let pid: Int32

    /// The socket's number in the helper.
    private static let socket: Int32 = 3

    /// - Parameter name: Of the helper, for `ps`, and for the helper to know what it is.
    public init(_ name: String, _ socket: MessageSocket) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for stream: Int32 in 0...2 { posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0) }
        socket.withNumber { number in
            _ = posix_spawn_file_actions_adddup2(&actions, number, Self.socket)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // A ctrl-C of the terminal is for the parent: what it asks for then is still to be answered.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(name), nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { free(arguments[0]) }
        let code = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw SystemError("start", name, code: code) }
        self.pid = pid
    }

    /// Waits for its end.
    /// - Returns: The signal that it died of; nil for none.
    public func wait() -> Int32? {
        var status: Int32 = 0
        guard retrying({ waitpid(pid, &status, 0) }) == pid else { return nil }
        return status & 0x7f == 0 ? nil : status & 0x7f
    }

    public func kill() { _ = Glibc.kill(pid, SIGKILL) }

    /// In the helper: its socket.
    /// - Parameter name: How tools that cut names call the process, at most 15 bytes.
    public static func ownSocket(_ name: String) -> MessageSocket {
        sniscope_name_thread(name)
        // What is to end all of a service or a session: it ends after its parent, whose last question may still come.
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
        return MessageSocket(Descriptor(open: socket))
    }

    /// In the helper: gives up all rights, and what it does not need to read what is open, to compute and to answer.
    /// - Parameter memory: Bytes that it may have.
    public static func confine(memory: UInt64) throws(SystemError) {
        guard sniscope_confine_inspector(memory) == 0 else { throw .last("confine", "a process") }
    }
}
