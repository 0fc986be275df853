internal import CBPFShims
internal import Glibc

/// One place in a file where a program is attached, with the cookie that the program gets there.
public struct ProbePoint: Sendable, Hashable {
    /// Bytes from the start of the file.
    public let offset: UInt64
    public let cookie: UInt64

    public init(offset: UInt64, cookie: UInt64) {
        self.offset = offset
        self.cookie = cookie
    }
}

/// How uprobes are attached.
public enum UprobeMethod: String, Sendable, CaseIterable {
    /// One link for all places of a file (Linux 6.6).
    case multi
    /// One perf event for each place; needs CAP_SYS_ADMIN.
    case perf
}

/// A loaded uprobe program that can be attached to files, from any thread.
public struct UprobeProgram: Sendable {
    let descriptor: Int32
    public let method: UprobeMethod
    /// The perf PMU's number, from sysfs; unused by `multi`.
    let eventType: UInt32

    /// - Parameter eventType: The contents of /sys/bus/event_source/devices/uprobe/type; needed for `perf`.
    public init(_ name: String, of object: BPFObject, method: UprobeMethod, eventType: UInt32 = 0) throws(BPFError) {
        descriptor = try object.descriptor(ofProgram: name)
        self.method = method
        self.eventType = eventType
    }

    private init(descriptor: Int32, method: UprobeMethod, eventType: UInt32) {
        self.descriptor = descriptor
        self.method = method
        self.eventType = eventType
    }

    /// Loads one that does nothing, for as long as this process lives.
    /// - Parameter eventType: As for `init`.
    public static func empty(method: UprobeMethod, eventType: UInt32 = 0) throws(BPFError) -> UprobeProgram {
        let program = sniscope_load_empty_uprobe(method == .multi ? 1 : 0)
        guard program >= 0 else { throw BPFError("load an empty program", code: errno) }
        return UprobeProgram(descriptor: program, method: method, eventType: eventType)
    }

    /// Attaches to a file in every process that maps it, now or later. Waits for the kernel, usually under 15 ms.
    /// - Parameter path: Leads to the file for this process; `Descriptor.path` is the safest.
    /// - Parameter process: No other one gets a breakpoint then, but what it forks has its memory's; nil: no limit.
    /// - Throws: `BPFError`; `isNoProcess` where that process has ended.
    public func attach(path: String, points: [ProbePoint], process: Int32? = nil) throws(BPFError) -> [BPFLink] {
        let process = process.map(UInt32.init) ?? 0
        switch method {
        case .multi:
            let offsets = points.map(\.offset)
            let cookies = points.map(\.cookie)
            let link = sniscope_link_uprobe_multi(descriptor, path, offsets, cookies, UInt32(points.count), process)
            guard link >= 0 else { throw BPFError("attach a uprobe to \(path)", code: errno) }
            return [BPFLink(descriptor: link)]
        case .perf:
            var links: [BPFLink] = []
            for point in points {
                let link = sniscope_link_uprobe_perf(descriptor, eventType, path, point.offset, point.cookie, process)
                guard link >= 0 else { throw BPFError("attach a uprobe to \(path)", code: errno) }
                links.append(BPFLink(descriptor: link))
            }
            return links
        }
    }
}

/// A function of this program that nobody calls: whether uprobes can be attached is tried on it.
public enum UprobeTarget {
    /// Where it lies in this process's memory.
    public static var address: UInt64 { UInt64(sniscope_uprobe_target_address()) }
}
