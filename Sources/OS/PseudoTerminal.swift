internal import CShims
internal import Glibc
internal import Synchronization

/// A terminal for a command of another user, in place of this program's: whoever shares a terminal with a program can type
/// into it (TIOCSTI), and what a shell of root's reads there it does. What is typed in the one is passed on to the other,
/// and back.
public final class PseudoTerminal: Sendable {
    /// What the user sits at.
    private let outer: Descriptor
    private let outerMode: Mode
    /// The other side of the command's terminal, which answers for that: the terminal itself is open as standard stream
    /// alone, and this side ends with the command.
    private let other: Descriptor
    /// Standard streams that are terminals, with the descriptors that they were.
    private let replaced: [Saved]
    private let relayEnd = BlockingQueue<Bool>()

    private final class Saved: Sendable {
        let stream: Int32
        let descriptor: Descriptor

        init(_ stream: Int32, _ descriptor: consuming Descriptor) {
            self.stream = stream
            self.descriptor = descriptor
        }
    }

    private struct Mode: @unchecked Sendable {
        var value = termios()
    }

    /// Makes the standard streams that are terminals lead to a new one, until `restore`.
    /// - Parameter owner: User id of whoever is to have it.
    /// - Returns: nil where none is a terminal.
    public static func replacingStandardStreams(owner: UInt32) throws(SystemError) -> PseudoTerminal? {
        let streams: [Int32] = (0...2).filter { isatty($0) == 1 }
        return try streams.first.map { stream throws(SystemError) in try PseudoTerminal(streams, stream, owner) }
    }

    private init(_ streams: [Int32], _ first: Int32, _ owner: UInt32) throws(SystemError) {
        func copy(_ stream: Int32) throws(SystemError) -> Descriptor {
            try Descriptor(adopting: fcntl(stream, F_DUPFD_CLOEXEC, 3), "duplicate", "a terminal")
        }
        outer = try copy(first)
        var number: Int32 = -1
        other = try Descriptor(adopting: sniscope_open_pseudo_terminal(&number), "open", "/dev/ptmx")
        let terminal = Descriptor(open: number)
        var mode = Mode()
        tcgetattr(outer.number, &mode.value)
        outerMode = mode
        tcsetattr(terminal.number, TCSANOW, &mode.value)
        _ = sniscope_copy_terminal_size(outer.number, other.number)
        // So that the command can open it by its name.
        fchown(terminal.number, owner, gid_t.max)
        var replaced: [Saved] = []
        for stream in streams { replaced.append(Saved(stream, try copy(stream))) }
        self.replaced = replaced
        // Of a command that does not read, the terminal is full some time: what it writes is shown all the same.
        _ = fcntl(other.number, F_SETFL, O_RDWR | O_NONBLOCK)
        try Threads.start(name: "terminal") { [self] in
            relay()
            relayEnd.put(true)
        }
        for stream in streams { dup2(terminal.number, stream) }
        Self.present.withLock { $0 = self }
        // However this program ends, the shell finds its terminal as it was.
        atexit { PseudoTerminal.present.withLock { $0 }?.giveKeysBack() }
    }

    private static let present = Mutex<PseudoTerminal?>(nil)

    /// Whether what is typed goes to the command.
    public var isStandardInput: Bool { replaced.contains { $0.stream == 0 } }

    private var isForeground: Bool { tcgetpgrp(outer.number) == getpgrp() }

    /// Keys come one by one, none with a meaning of its own; what is written is shown as it is. Not in the background,
    /// where the terminal is others', nor where the command reads something else: ctrl-C is for this program then.
    private func takeKeys() {
        guard isStandardInput, isForeground else { return }
        var raw = outerMode.value
        cfmakeraw(&raw)
        tcsetattr(outer.number, TCSANOW, &raw)
    }

    private func giveKeysBack() {
        guard isStandardInput, isForeground else { return }
        var mode = outerMode.value
        tcsetattr(outer.number, TCSADRAIN, &mode)
    }

    /// Ends with the command's side of the terminal.
    private func relay() {
        var isOpen = isStandardInput
        var hasKeys = false
        // Typed, and not yet taken.
        var keys: [UInt8] = []
        while true {
            let isForeground = isForeground
            if isForeground, !hasKeys { takeKeys() }
            hasKeys = isForeground
            let events = keys.isEmpty ? POLLIN : POLLIN | POLLOUT
            var polled = [
                pollfd(fd: other.number, events: Int16(events), revents: 0),
                pollfd(
                    fd: isOpen && isForeground && keys.isEmpty ? outer.number : -1, events: Int16(POLLIN), revents: 0),
            ]
            // Nobody is told of another size, or of having come to the foreground, but who has a handler for signals.
            guard retrying({ poll(&polled, 2, Self.interval) }) >= 0 else { return }
            _ = sniscope_copy_terminal_size(outer.number, other.number)
            if polled[0].revents & Int16(POLLOUT) != 0 { keys.removeFirst(Self.write(keys[...], to: other.number)) }
            if polled[0].revents & Int16(POLLIN) != 0 {
                guard let bytes = Self.read(from: other.number) else { return }
                var rest = bytes[...]
                // Whoever sat there may be gone.
                while !rest.isEmpty, case let count = Self.write(rest, to: outer.number), count > 0 {
                    rest = rest.dropFirst(count)
                }
            } else if polled[0].revents & Int16(POLLHUP | POLLERR) != 0 {
                return
            }
            if polled[1].revents != 0 {
                let bytes = Self.read(from: outer.number)
                isOpen = bytes != nil || polled[1].revents & Int16(POLLHUP | POLLERR) == 0
                // The end of the input, typed before the keys came one by one.
                keys = bytes ?? (isOpen ? [Self.endKey] : [])
                if let key = stopKey, let place = keys.firstIndex(of: key), let group = stoppable {
                    keys.removeSubrange(...place)
                    stop(group)
                }
            }
        }
    }

    /// ctrl-D.
    private static let endKey: UInt8 = 4
    /// Milliseconds.
    private static let interval: Int32 = 200

    /// - Returns: nil at the end.
    private static func read(from source: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = retrying { Glibc.read(source, &bytes, bytes.count) }
        if count < 0, errno == EAGAIN { return [] }
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    /// - Returns: How many were taken.
    private static func write(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Int {
        max(bytes.withUnsafeBytes { bytes in retrying { Glibc.write(target, bytes.baseAddress, bytes.count) } }, 0)
    }

    /// The key that stops programs, where it has that meaning now: ctrl-Z.
    private var stopKey: UInt8? {
        var mode = termios()
        guard tcgetattr(other.number, &mode) == 0, mode.c_lflag & tcflag_t(ISIG) != 0 else { return nil }
        let key = withUnsafeBytes(of: mode.c_cc) { $0[Int(VSUSP)] }
        return key == 0 ? nil : key
    }

    /// The command, where it runs in the foreground of its terminal and does not treat that key itself. The kernel stops
    /// no program by it that has no parent in its own session, which could let it go on.
    private var stoppable: Int32? {
        let group = tcgetpgrp(other.number)
        guard group > 0, tcgetsid(other.number) == group,
            let status = try? String(decoding: Files.read("/proc/\(group)/status"), as: UTF8.self)
        else { return nil }
        let handled = status.split(separator: "\n").filter { $0.hasPrefix("SigIgn:") || $0.hasPrefix("SigCgt:") }
            .compactMap { $0.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } }
        return handled.allSatisfy { $0 >> UInt64(SIGTSTP - 1) & 1 == 0 } ? group : nil
    }

    /// Stops the command and this program, as a shell expects of its job, until that goes on.
    private func stop(_ group: Int32) {
        kill(-group, SIGSTOP)
        giveKeysBack()
        // To this thread, which goes no further then; the others follow.
        raise(SIGSTOP)
        takeKeys()
        kill(-group, SIGCONT)
    }

    /// Gives this program its own terminal back. What the command has written by now is shown; what it left running loses
    /// its terminal.
    public func restore() {
        for saved in replaced { dup2(saved.descriptor.number, saved.stream) }
        // At once, unless something that it left holds the terminal.
        _ = relayEnd.take(within: Int(Self.interval))
        giveKeysBack()
        Self.present.withLock { $0 = nil }
    }
}
