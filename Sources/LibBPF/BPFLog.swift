internal import CBPFShims
internal import Glibc

/// What libbpf says; nothing of it goes to the terminal unasked.
enum BPFLog {
    static func capture() {
        sniscope_bpf_log_capture()
    }

    /// What was said since the last call, as far as it is kept: the end of it.
    static func take() -> [Substring] {
        String(unsafeUninitializedCapacity: 64 << 10) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return 0 }
                return sniscope_bpf_log_take(start, characters.count)
            }
        }.split(separator: "\n")
    }
}

/// The verifier's words on a program that it refuses.
public struct VerifierLog: Sendable {
    /// "server_name_sleepable".
    public let program: String
    /// The reason: the last line before the statistics. "invalid access to map value, value_size=1056 off=911 size=256".
    public let verdict: String
    /// The lines that led to it, the last of them.
    public let context: [String]
    /// How many lines came before those.
    public let omitted: Int

    private static let contextLength = 8

    /// - Parameter lines: What libbpf says when a load fails: the log is between two lines of its own, and a line with
    ///   the program's name follows. "libbpf: prog 'server_name': failed to load: -22".
    init?(_ lines: [Substring]) {
        // A log that is longer than what is kept has lost its beginning.
        guard let end = lines.lastIndex(where: { $0.hasSuffix("-- END PROG LOAD LOG --") }) else { return nil }
        let beginning = lines[..<end].lastIndex { $0.hasSuffix("-- BEGIN PROG LOAD LOG --") }
        let words = lines[(beginning.map { $0 + 1 } ?? 0)..<end].filter { !Self.isStatistics($0) }
        guard let last = words.last else { return nil }
        let name = lines.last { $0.hasPrefix("libbpf: prog '") }?.split(separator: "'").dropFirst().first
        program = String(name ?? "a program")
        verdict = String(last)
        context = words.dropLast().suffix(Self.contextLength).map(String.init)
        omitted = words.count - 1 - context.count
    }

    private static func isStatistics(_ line: Substring) -> Bool {
        line.hasPrefix("processed ") || line.hasPrefix("verification time") || line.hasPrefix("stack depth")
    }
}

/// The kernel's ENOTSUPP, which has no name outside of it: an architecture without what a program is attached by.
let notSupportedByKernel: Int32 = 524

func describe(errno code: Int32) -> String {
    code == notSupportedByKernel ? "Not supported by this kernel" : String(cString: strerror(code))
}
