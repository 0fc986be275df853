internal import BPFPrograms
internal import LibBPF
internal import OS

/// Reports what processes map executable, by the way that these privileges allow.
enum MappingWatch {
    /// Perf events of the whole system. Debian and Ubuntu allow them to CAP_SYS_ADMIN alone, unless
    /// kernel.perf_event_paranoid is below 3.
    case perfEvents(MappingMonitor)
    /// A BPF program at the function that makes perf's reports. It needs no more than CAP_BPF and CAP_PERFMON, and a
    /// kernel with ftrace's direct calls; loading it takes some 30 ms.
    case program(MappingProgram)

    /// - Throws: `HostLimitation` where neither is allowed; `SystemError`, `BPFError`.
    init() throws {
        let refusal: SystemError
        do throws(SystemError) {
            self = .perfEvents(try MappingMonitor())
            return
        } catch {
            guard error.isNotPermitted else { throw error }
            refusal = error
        }
        do {
            self = .program(try MappingProgram())
        } catch {
            let failure = (error as? BPFError)?.summary ?? "\(error)"
            let paranoid = (try? Files.read("/proc/sys/kernel/perf_event_paranoid")).map {
                " (kernel.perf_event_paranoid is \(String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace }))"
            }
            throw HostLimitation(
                .privileges,
                "executable mappings can't be watched. By perf events: \(refusal.reason)\(paranoid ?? ""). "
                    + "By a BPF program: \(failure). "
                    + "Add CAP_SYS_ADMIN, or set the sysctl: `sysctl kernel.perf_event_paranoid=2`")
        }
    }

    var usesPerfEvents: Bool {
        if case .perfEvents = self { true } else { false }
    }

    /// Readable when there is something to `drain`.
    var descriptor: Int32 {
        switch self {
        case .perfEvents(let monitor): monitor.descriptor
        case .program(let program): program.descriptor
        }
    }

    /// Hands over what has come, as much as is done in a moment. The descriptor stays readable while there is more.
    func drain(_ deliver: (ExecutableMapping) -> Void) -> MappingGap {
        // Mappings can come as fast as they are read.
        let deadline = Clock.monotonic + EventLoop.longestReading
        func take(_ mapping: ExecutableMapping) -> Bool {
            deliver(mapping)
            return Clock.monotonic < deadline
        }
        return switch self {
        case .perfEvents(let monitor): monitor.drain(take)
        case .program(let program): program.drain(take)
        }
    }
}

/// The BPF program of `bpf/mappings.bpf.c`. For one thread.
final class MappingProgram {
    private let object: BPFObject
    private let ring: ReportRing
    private let link: BPFLink
    private var reportedMisses: UInt64 = 0

    private static let entry = "file_mapped"

    /// Loads and attaches it, and sees whether it is called: where ftrace is off (the sysctl kernel.ftrace_enabled) the
    /// kernel attaches it all the same.
    /// - Throws: `BPFError`, `SystemError`.
    init() throws {
        object = try BPFObject(image: BPFProgram.mappings.image, name: "mappings")
        try object.load()
        ring = try ReportRing(object: object, map: "records")
        link = try object.attachTracing(program: Self.entry)
        let own = try ExecutableMapping.makeOwn()
        var isCalled = false
        ring.drain { record in
            if case .mapping(let record) = record, record.start == own { isCalled = true }
            return true
        }
        guard isCalled else {
            throw SystemError(
                "watch", "mappings", code: 0,
                hint: "the kernel does not call the program; is the sysctl kernel.ftrace_enabled 1?")
        }
    }

    var descriptor: Int32 { ring.descriptor }

    /// Hands over what has come, until `deliver` has enough and returns false.
    func drain(_ deliver: (ExecutableMapping) -> Bool) -> MappingGap {
        ring.drain { record in
            if case .mapping(let record) = record { deliver(ExecutableMapping(record)) } else { true }
        }
        // Both are read from the kernel, which has them as long as the program is loaded.
        let full = (try? object.read("lost", as: UInt64.self).first) ?? 0
        let skipped = (try? object.recursionMisses(ofProgram: Self.entry)) ?? 0
        let misses = full + skipped
        defer { reportedMisses = max(reportedMisses, misses) }
        return MappingGap(dropped: misses > reportedMisses ? misses - reportedMisses : 0)
    }
}

extension ExecutableMapping {
    init(_ record: MappingRecord) {
        self.init(
            pid: record.pid, time: Int64(record.time), start: record.start, end: record.end, device: record.device,
            inode: record.inode, path: record.isPathTruncated ? "…" + record.path : record.path)
    }
}
