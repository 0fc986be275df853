internal import CBPFShims
internal import Glibc

/// What libbpf says; nothing of it goes to the terminal unasked.
enum BPFLog {
    static func capture() {
        sniscope_bpf_log_capture()
    }

    /// The last `lines` lines since the last call, headed by how many were left out.
    static func take(lines: Int) -> String {
        let text = String(unsafeUninitializedCapacity: 64 << 10) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return 0 }
                return sniscope_bpf_log_take(start, characters.count)
            }
        }
        let all = text.split(separator: "\n")
        let omitted = all.count - lines
        let tail = all.suffix(lines).joined(separator: "\n")
        return omitted > 0 ? "(\(omitted) lines left out)\n" + tail : tail
    }
}

func describe(errno code: Int32) -> String {
    String(cString: strerror(code))
}
