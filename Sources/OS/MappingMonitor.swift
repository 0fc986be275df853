internal import CShims
internal import Glibc

/// A file that a process has just mapped executable: by exec, by its loader, by dlopen or by mprotect.
public struct ExecutableMapping: Sendable {
    public let pid: UInt32
    /// When: CLOCK_MONOTONIC, nanoseconds.
    public let time: Int64
    public let start: UInt64
    public let end: UInt64
    /// As /proc/PID/maps shows it: major << 20 | minor.
    public let device: UInt64
    public let inode: UInt64
    /// As the process sees it.
    public let path: String

    public init(
        pid: UInt32, time: Int64, start: UInt64, end: UInt64, device: UInt64, inode: UInt64, path: String
    ) {
        self.pid = pid
        self.time = time
        self.start = start
        self.end = end
        self.device = device
        self.inode = inode
        self.path = path
    }
}

extension ExecutableMapping {
    /// Maps a page of this program for execution, and unmaps it: one that must be reported.
    /// - Returns: Where it was.
    public static func makeOwn() throws(SystemError) -> UInt64 {
        let path = "/proc/self/exe"
        let program = try Descriptor.reading(path)
        let length = sysconf(Int32(_SC_PAGESIZE))
        let mapping = mmap(nil, length, PROT_READ | PROT_EXEC, MAP_PRIVATE, program.number, 0)
        guard let mapping, mapping != MAP_FAILED else { throw .last("map", path) }
        munmap(mapping, length)
        return UInt64(UInt(bitPattern: mapping))
    }
}

/// Mappings that went unreported.
public struct MappingGap: Sendable {
    /// How many reports the kernel had to drop.
    public var dropped: UInt64
    /// A CPU came online: what was mapped there before it was watched is not known.
    public var isCPUNew = false
    /// Why a CPU is not watched: what is mapped there goes unreported from here on.
    public var failures: [SystemError] = []

    public init(dropped: UInt64 = 0) {
        self.dropped = dropped
    }
}

/// Reports every executable file mapping on the host, from a perf event on each CPU. Unlike a tracepoint on mmap(2),
/// which makes each system call of each process slower while it is on, it costs only those that map something.
/// For one thread.
public final class MappingMonitor {
    private var rings: [Int32: PerfRing] = [:]
    private let poller: Poller
    private let cpuEvents: CPUEvents?
    /// The kernel reports a ring as readable once, whatever is left in it then.
    private let rest: WakeUp
    /// The one that was read last: the next turn begins behind it, so that a busy one keeps no other from being read.
    private var lastRead: Int32 = -1
    /// Not yet told.
    private var failures: [SystemError] = []

    private static let cpuEventsTag = UInt32.max
    private static let restTag = UInt32.max - 1

    /// - Throws: `SystemError` where the kernel refuses (CAP_PERFMON; CAP_SYS_ADMIN where kernel.perf_event_paranoid is
    ///   above 2 on Debian and Ubuntu).
    public init() throws(SystemError) {
        poller = try Poller()
        rest = try WakeUp()
        try poller.add(rest.descriptor, tag: Self.restTag)
        // Before the list is read: a CPU that comes meanwhile is opened twice, not never.
        do throws(SystemError) {
            cpuEvents = try CPUEvents()
        } catch {
            // Most hosts keep the CPUs that they have.
            cpuEvents = nil
            failures.append(error)
        }
        if let cpuEvents { try poller.add(cpuEvents.descriptor, tag: Self.cpuEventsTag) }
        for cpu in try CPUEvents.online() { try watch(cpu) }
    }

    /// Readable when there is something to `drain`.
    public var descriptor: Int32 { poller.descriptor }

    /// Hands over what has come, until `deliver` has enough and returns false: the descriptor stays readable then.
    /// - Returns: What went unreported since the last call.
    public func drain(_ deliver: (ExecutableMapping) -> Bool) -> MappingGap {
        var gap = MappingGap()
        rest.clear()
        let events = cpuEvents?.take() ?? []
        if !drainRings(deliver, &gap) { rest.signal() }
        for event in events {
            do throws(SystemError) {
                try apply(event, deliver, &gap)
            } catch {
                failures.append(error)
            }
        }
        gap.failures = failures
        failures = []
        return gap
    }

    /// - Returns: Whether all was read.
    private func drainRings(_ deliver: (ExecutableMapping) -> Bool, _ gap: inout MappingGap) -> Bool {
        let cpus = rings.keys.sorted()
        let first = cpus.firstIndex { $0 > lastRead } ?? 0
        for cpu in cpus[first...] + cpus[..<first] {
            lastRead = cpu
            let isComplete = rings[cpu]?.drain(deliver, &gap.dropped) ?? true
            guard isComplete else { return false }
        }
        return true
    }

    /// The perf event of a CPU that went offline is dead, also once the CPU is back.
    private func apply(
        _ event: CPUEvents.Event, _ deliver: (ExecutableMapping) -> Bool, _ gap: inout MappingGap
    ) throws(SystemError) {
        switch event {
        case .offline(let cpu):
            close(cpu, deliver, &gap)
        case .online(let cpu):
            gap.isCPUNew = true
            close(cpu, deliver, &gap)
            try watch(cpu)
        case .missed:
            gap.isCPUNew = true
            for cpu in Array(rings.keys) { close(cpu, deliver, &gap) }
            for cpu in try CPUEvents.online() { try watch(cpu) }
        }
    }

    /// Hands over what the ring still has, all of it: there is no later turn.
    private func close(_ cpu: Int32, _ deliver: (ExecutableMapping) -> Bool, _ gap: inout MappingGap) {
        func deliverAll(_ mapping: ExecutableMapping) -> Bool {
            _ = deliver(mapping)
            return true
        }
        _ = rings.removeValue(forKey: cpu)?.drain(deliverAll, &gap.dropped)
    }

    private func watch(_ cpu: Int32) throws(SystemError) {
        do throws(SystemError) {
            let ring = try PerfRing(cpu: cpu)
            try poller.add(ring.event.number, tag: UInt32(cpu))
            rings[cpu] = ring
        } catch {
            // ENODEV: it has gone offline meanwhile.
            guard error.code == ENODEV else { throw error }
        }
    }
}

/// One CPU's ring buffer: a control page and a power of two of data pages.
private final class PerfRing {
    let event: Descriptor
    private let control: UnsafeMutableRawPointer
    private let pageSize: Int
    private let dataSize: Int

    /// 512 KB hold some four thousand mappings, as many as a busy host makes while a session begins.
    init(cpu: Int32) throws(SystemError) {
        event = try Descriptor(
            adopting: sniscope_open_mapping_events(cpu), "watch executable mappings on", "CPU \(cpu)")
        pageSize = sysconf(Int32(_SC_PAGESIZE))
        dataSize = 512 << 10
        let mapping = mmap(nil, pageSize + dataSize, PROT_READ | PROT_WRITE, MAP_SHARED, event.number, 0)
        guard let mapping, mapping != MAP_FAILED else { throw .last("map the ring buffer of", "CPU \(cpu)") }
        control = mapping
    }

    deinit {
        munmap(control, pageSize + dataSize)
    }

    /// Hands over what there is by now, until `deliver` returns false.
    /// - Returns: Whether it was all.
    func drain(_ deliver: (ExecutableMapping) -> Bool, _ lost: inout UInt64) -> Bool {
        let head = sniscope_perf_head(control)
        var tail = sniscope_perf_tail(control)
        var hasEnough = false
        while tail < head, !hasEnough {
            // struct perf_event_header: type, misc, size.
            let type = load(UInt32.self, at: tail)
            let size = UInt64(load(UInt16.self, at: tail + 6))
            guard size >= 8 else { break }
            switch type {
            case UInt32(PERF_RECORD_MMAP2.rawValue):
                if let mapping = mapping(at: tail + 8, size: size - 8) { hasEnough = !deliver(mapping) }
            case UInt32(PERF_RECORD_LOST.rawValue):
                lost += load(UInt64.self, at: tail + 16)
            default:
                break
            }
            tail += size
        }
        sniscope_perf_set_tail(control, tail)
        return !hasEnough
    }

    /// PERF_RECORD_MMAP2 of perf_event_open(2).
    private func mapping(at position: UInt64, size whole: UInt64) -> ExecutableMapping? {
        let pathOffset: UInt64 = 64
        // struct sample_id: the time.
        guard whole > pathOffset + 8 else { return nil }
        let size = whole - 8
        let first = load(UInt8.self, at: position + pathOffset)
        // Not "[vdso]", not "//anon".
        guard first == UInt8(ascii: "/"), load(UInt8.self, at: position + pathOffset + 1) != UInt8(ascii: "/") else {
            return nil
        }
        let start = load(UInt64.self, at: position + 8)
        let (end, isBeyond) = start.addingReportingOverflow(load(UInt64.self, at: position + 16))
        guard !isBeyond else { return nil }
        let path = String(unsafeUninitializedCapacity: Int(size - pathOffset)) { target in
            for index in 0..<target.count where index < Int(size - pathOffset) {
                let byte = load(UInt8.self, at: position + pathOffset + UInt64(index))
                if byte == 0 { return index }
                target[index] = byte
            }
            return Int(size - pathOffset)
        }
        return ExecutableMapping(
            pid: load(UInt32.self, at: position), time: Int64(clamping: load(UInt64.self, at: position + size)),
            start: start, end: end,
            device: UInt64(load(UInt32.self, at: position + 32)) << 20 | UInt64(load(UInt32.self, at: position + 36)),
            inode: load(UInt64.self, at: position + 40), path: path)
    }

    /// Records are 8-byte aligned and the ring is a multiple of 8: no aligned field wraps around its end.
    private func load<Value: BitwiseCopyable>(_: Value.Type, at position: UInt64) -> Value {
        (control + pageSize).load(fromByteOffset: Int(position % UInt64(dataSize)), as: Value.self)
    }
}
