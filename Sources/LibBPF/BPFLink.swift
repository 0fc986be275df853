internal import CBPFShims
internal import Glibc
internal import Synchronization

/// A BPF program attached to something; closing it detaches.
public final class BPFLink: Sendable {
    /// -1 once it is given away for closing.
    private let descriptor: Atomic<Int32>

    init(descriptor: Int32) {
        self.descriptor = Atomic(descriptor)
    }

    deinit {
        close()
    }

    /// Detaches it now. Waits for the kernel, for ever where a traced process holds it; takes effect before that wait.
    public func close() {
        let descriptor = take()
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    private func take() -> Int32 {
        descriptor.exchange(-1, ordering: .relaxed)
    }

    /// Detaches all of `links` side by side (one after the other takes some 50 ms each) and gives up waiting after
    /// `milliseconds`: a BPF program that sleeps in a traced process can hold its link for ever. What is not closed
    /// by then is closed by child processes when the traced process lets go; this process may exit. Where there can be
    /// no child processes, links stay open.
    /// - Returns: How many were closed in time.
    public static func close(_ links: [BPFLink], within milliseconds: Int32) -> Int {
        let taken = links.map { (link: $0, descriptor: $0.take()) }.filter { $0.descriptor >= 0 }
        var descriptors = taken.map(\.descriptor)
        let closed = sniscope_close_aside(&descriptors, descriptors.count, 32, milliseconds)
        for (taken, descriptor) in zip(taken, descriptors) where descriptor >= 0 {
            taken.link.descriptor.store(descriptor, ordering: .relaxed)
        }
        return closed
    }

    /// Whether it is neither closed nor given away for that.
    public var isOpen: Bool { descriptor.load(ordering: .relaxed) >= 0 }
}
