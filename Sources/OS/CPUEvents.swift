internal import CShims
internal import Glibc

/// CPUs that come online and go offline, from the kernel's messages about devices (NETLINK_KOBJECT_UEVENT).
final class CPUEvents {
    enum Event: Equatable {
        case online(Int32)
        case offline(Int32)
        /// Some messages found no room.
        case missed
    }

    private let socket: Descriptor

    init() throws(SystemError) {
        socket = try Descriptor(adopting: sniscope_open_device_events(), "watch", "the kernel's device events")
    }

    /// Readable when there is something to `take`.
    var descriptor: Int32 { socket.number }

    /// What has happened since the last call.
    func take() -> [Event] {
        var events: [Event] = []
        withUnsafeTemporaryAllocation(byteCount: 8 << 10, alignment: 8) { buffer in
            while true {
                let size = retrying { sniscope_receive_device_event(socket.number, buffer.baseAddress, buffer.count) }
                if size < 0 {
                    if errno == ENOBUFS { events.append(.missed) }
                    guard errno == ENOBUFS else { return }
                    continue
                }
                let message = buffer.prefix(size).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                if let event = Event(message) { events.append(event) }
            }
        }
        return events
    }

    /// The CPUs that are online.
    static func online() throws(SystemError) -> [Int32] {
        let path = "/sys/devices/system/cpu/online"
        let text = String(decoding: try Files.read(path), as: UTF8.self)
        let cpus = parse(list: text)
        guard !cpus.isEmpty else { throw SystemError("read", path, code: 0, hint: "It lists no CPU: \(text)") }
        return cpus
    }

    /// "0-3,8" → [0, 1, 2, 3, 8].
    static func parse(list: String) -> [Int32] {
        list.split { $0 == "," || $0.isWhitespace }.flatMap { range -> [Int32] in
            let ends = range.split(separator: "-").map { Int32($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else { return [] }
            return Array(first...last)
        }
    }
}

extension CPUEvents.Event {
    /// - Parameter message: "online@/devices/system/cpu/cpu1", then "NAME=value" each.
    init?(_ message: [String]) {
        guard message.contains("SUBSYSTEM=cpu"),
            let device = message.first(where: { $0.hasPrefix("DEVPATH=") })?.split(separator: "/").last,
            device.hasPrefix("cpu"), let cpu = Int32(device.dropFirst("cpu".count))
        else { return nil }
        if message.contains("ACTION=online") {
            self = .online(cpu)
        } else if message.contains("ACTION=offline") {
            self = .offline(cpu)
        } else {
            return nil
        }
    }
}
