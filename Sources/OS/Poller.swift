internal import CShims
internal import Glibc

/// Waits for several descriptors at once (epoll).
public struct Poller: ~Copyable {
    private let epoll: Descriptor

    public init() throws(SystemError) {
        epoll = try Descriptor(adopting: epoll_create1(Int32(EPOLL_CLOEXEC)), "create", "an epoll instance")
    }

    /// Readable when one of those that are watched is: for another poller.
    public var descriptor: Int32 { epoll.number }

    /// Watches `descriptor` for input; `tag` names it in what `wait` returns. The caller keeps it open.
    public func add(_ descriptor: Int32, tag: UInt32) throws(SystemError) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u32 = tag
        guard epoll_ctl(epoll.number, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw .last("watch", "descriptor \(descriptor)")
        }
    }

    /// The tags of those that are ready; none after `milliseconds` (-1: waits for ever).
    public func wait(milliseconds: Int32) throws(SystemError) -> [UInt32] {
        var tags: [UInt32] = []
        var failure: SystemError?
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = epoll_wait(epoll.number, events.baseAddress, Int32(events.count), milliseconds)
            if count < 0 {
                if errno != EINTR { failure = .last("wait on", "an epoll instance") }
                return
            }
            for event in events.prefix(Int(count)) { tags.append(event.data.u32) }
        }
        if let failure { throw failure }
        return tags
    }
}

/// Wakes a `Poller` of another thread (eventfd).
public final class WakeUp: Sendable {
    private let event: Descriptor

    public init() throws(SystemError) {
        event = try Descriptor(adopting: eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)), "create", "an eventfd")
    }

    public var descriptor: Int32 { event.number }

    public func signal() {
        var one: UInt64 = 1
        write(event.number, &one, 8)
    }

    public func clear() {
        var count: UInt64 = 0
        read(event.number, &count, 8)
    }
}
